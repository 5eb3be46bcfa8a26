package sdk

// Count is how many items a list or map must have; zero fields do not matter.
type Count struct{ Min, Max int }

func (c Count) check(v Value, n int) {
	switch {
	case n < c.Min:
		v.Fail("has " + items(n) + ", want at least " + decimal(c.Min))
	case c.Max > 0 && n > c.Max:
		v.Fail("has " + items(n) + ", want at most " + decimal(c.Max))
	}
}

func items(n int) string {
	if n == 1 {
		return "1 item"
	}
	return decimal(n) + " items"
}

// ReadList reads a list; read is called for each item, in order.
func ReadList[T any](v Value, into *[]T, want Count, read func(Value, *T)) {
	if !v.is(kindList) {
		return
	}
	want.check(v, len(v.v.items))
	list := make([]T, len(v.v.items))
	for i := range v.v.items {
		read(Value{&v.v.items[i], v.path + index(i), v.errs}, &list[i])
	}
	*into = list
}

// ReadTexts is ReadList for strings: a long list costs no more than its texts.
func ReadTexts[T ~string](v Value, into *[]T, count Count, want Text) {
	if !v.is(kindList) {
		return
	}
	count.check(v, len(v.v.items))
	list := make([]T, len(v.v.items))
	for i := range v.v.items {
		item := &v.v.items[i]
		if item.kind == kindString && want.check(item.text) == "" {
			list[i] = T(item.text)
			continue
		}
		ReadText(Value{item, v.path + index(i), v.errs}, &list[i], want) // says what is wrong
	}
	*into = list
}

// ReadMap reads an object whose names are free, within what is wanted of them.
func ReadMap[K ~string, T any](v Value, into *map[K]T, count Count, key Text, read func(Value, *T)) {
	if !v.is(kindObject) {
		return
	}
	count.check(v, len(v.v.fields))
	m := make(map[K]T, len(v.v.fields))
	for i := range v.v.fields {
		f := &v.v.fields[i]
		at := Value{&f.value, f.name, v.errs}
		if v.path != "" {
			at.path = v.path + "." + f.name
		}
		if wrong := key.check(f.name); wrong != "" {
			at.Fail("its name " + wrong)
			continue
		}
		var item T
		read(at, &item)
		m[K(f.name)] = item
	}
	*into = m
}
