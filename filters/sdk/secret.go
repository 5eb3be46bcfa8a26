package sdk

// Secret is a value of a configuration that nobody shall see: it is declared
// by {"secretRef":{"name":NAME,"key":KEY}}. It never prints itself; convert it
// to a string where it is used.
type Secret string

// String says nothing of the content.
func (Secret) String() string { return "(secret)" }

// GoString says nothing of the content.
func (Secret) GoString() string { return "(secret)" }

// Raw is a part of a configuration that a filter reads itself: its JSON text.
type Raw string
