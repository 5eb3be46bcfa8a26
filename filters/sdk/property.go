package sdk

// Number reads a property that is a whole number: ("response", "code"),
// ("source", "port"). The proxy hands it over as eight little-endian bytes.
func Number(property string) (n int64, ok bool) {
	if len(property) != 8 {
		return 0, false
	}
	for i := 7; i >= 0; i-- {
		n = n<<8 | int64(property[i])
	}
	return n, true
}
