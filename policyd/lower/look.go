package lower

// closed ends the looks at items of lists that began after so many: "there is
// an item for which it holds". One test of an item is a test of the list; two
// of one item are not.
func closed(c *cond, before int) *cond {
	for _, n := range looksOf(c, nil) {
		if n > before {
			c = closeLook(c, n)
		}
	}
	return c
}

func looksOf(c *cond, found []int) []int {
	switch c.op {
	case condTest, condNotTest:
		if n := c.test.in.item; n > 0 && !contains(found, n) {
			found = append(found, n)
		}
	case condAnd, condOr:
		for _, x := range c.of {
			found = looksOf(x, found)
		}
	}
	return found
}

func contains(list []int, n int) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}

// closeLook: there is an item of look n for which c holds.
func closeLook(c *cond, n int) *cond {
	if len(looksOf(c, nil)) == 0 || !contains(looksOf(c, nil), n) {
		return c
	}
	switch c.op {
	case condTest:
		in := c.test.in
		in.item, in.key = 0, cutLook(in.key)
		return newTest(in, c.test.how, c.test.values...)
	case condOr:
		of := make([]*cond, len(c.of))
		for i, x := range c.of {
			of[i] = closeLook(x, n)
		}
		return or(of...)
	case condAnd:
		var rest, about []*cond
		for _, x := range c.of {
			if contains(looksOf(x, nil), n) {
				about = append(about, x)
			} else {
				rest = append(rest, x)
			}
		}
		if len(about) == 1 {
			return and(append(rest, closeLook(about[0], n))...)
		}
		return and(append(rest, stopped(stopAt(nil, c.anyRef(n), "two conditions on one item of a list")))...)
	}
	return stopped(stopAt(nil, c.anyRef(n), "what an item of a list is not"))
}

func cutLook(key string) string {
	for i := len(key) - 1; i >= 0; i-- {
		if key[i] == 2 {
			return key[:i] + "\x02"
		}
	}
	return key
}

// anyRef names the list that look n is at.
func (c *cond) anyRef(n int) string {
	if c.test != nil && c.test.in.item == n {
		return c.test.in.ref
	}
	for _, x := range c.of {
		if ref := x.anyRef(n); ref != "" {
			return ref
		}
	}
	return ""
}

// closeValue ends the looks of a value that leaves the body where they began:
// an item itself is not known any more.
func closeValue(when *cond, v value, before int) (*cond, value) {
	if stop := itemIn(v, before); stop != nil {
		v, when = opaque{stop}, and(when, stopped(stop))
	}
	return closed(when, before), v
}

// itemIn finds an item of a list in a value.
func itemIn(v value, before int) stopRef {
	switch v := v.(type) {
	case leaf:
		if v.in.item > before {
			return stopAt(nil, v.in.ref, "an item of a list, apart from the list")
		}
	case tuple:
		return firstItem(v.items, before)
	case record:
		return firstItem(v.values, before)
	case text:
		return itemIn(v.part, before)
	}
	return nil
}

func firstItem(values []value, before int) stopRef {
	for _, v := range values {
		if stop := itemIn(v, before); stop != nil {
			return stop
		}
	}
	return nil
}
