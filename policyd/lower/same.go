package lower

import "github.com/krater-mesh/krater/model"

// sameText is when two values of the request are there, and one text; nil: a
// proxy cannot compare them. One of them is a string wherever it is there: what
// else the other is, differs from it.
func (m *machine) sameText(a, b leaf) *cond {
	x, ok := comparand(a)
	y, ok2 := comparand(b)
	if !ok || !ok2 || a.kind != kindText && b.kind != kindText {
		return nil
	}
	if y.Kind < x.Kind || y.Kind == x.Kind && y.Name < x.Name { // one test for both orders
		x, y = y, x
	}
	m.guardBytes(a.in)
	m.guardBytes(b.in)
	same := newInput(model.Same(x, y), a.in.ref+" == "+b.in.ref)
	there := and(present(a), present(b))
	// A proxy that fails at comparing has neither.
	m.guard(and(there, not(newTest(same, model.TestIn, "true", "false"))))
	return and(there, newTest(same, model.TestIn, "true"))
}

// comparand is a value that proxies compare with another.
func comparand(l leaf) (model.ProxyInput, bool) {
	switch {
	case l.in.why != nil || l.in.item > 0 || l.in.Items:
		return model.ProxyInput{}, false
	case l.shape.part > 0 && l.shape.fold == 0 && l.in.Kind == model.InputPath:
		return model.ProxyInput{Kind: model.InputPath, Part: l.shape.part}, true
	case l.shape.any():
		return model.ProxyInput{}, false
	}
	return l.in.ProxyInput, l.in.Kind == model.InputHeader || l.in.Kind == model.InputClaim && len(l.in.Path) > 0
}
