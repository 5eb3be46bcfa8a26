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

// ReadSecret reads a secret: its text, or {"sealed":TEXT}, which only this
// proxy can open. A secretRef that is still there has not been replaced.
func ReadSecret[T ~string](v Value, into *T, open func(sealed string) (string, error)) {
	if v.v.kind == kindString {
		*into = T(v.v.text)
		return
	}
	ReadObject(v, func(d *Decoder) {
		if _, ok := d.Get("secretRef"); ok {
			v.Fail("the Secret's value has not come")
			return
		}
		sealed, ok := d.Need("sealed")
		if !ok {
			return
		}
		var text string
		ReadText(sealed, &text, Text{MinLength: 1})
		plain, err := open(text)
		if err != nil {
			v.Fail(err.Error())
			return
		}
		*into = T(plain)
	})
}
