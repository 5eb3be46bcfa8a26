package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// must is a condition that holds only where c certainly does: what is not
// known does not.
func (w *writer) must(c *cond) *cond { return w.settle(c, never) }

// may holds wherever c could.
func (w *writer) may(c *cond) *cond { return w.settle(c, always) }

func (w *writer) settle(c, unknown *cond) *cond {
	if !w.unsure(c) {
		return c
	}
	switch c.op {
	case condAnd, condOr:
		of := make([]*cond, len(c.of))
		for i, x := range c.of {
			of[i] = w.settle(x, unknown)
		}
		return join(c.op, of)
	}
	return unknown
}

// unsure tells whether a condition has a part that a proxy does not know.
func (w *writer) unsure(c *cond) bool {
	switch c.op {
	case condStop:
		return true
	case condTest, condNotTest:
		return c.test.in.why != nil || c.test.in.item > 0 || w.tooLong(c.test)
	case condAnd, condOr:
		for _, x := range c.of {
			if w.unsure(x) {
				return true
			}
		}
	}
	return false
}

func (w *writer) tooLong(t *test) bool {
	if len(t.values)*8 < w.limit/16 {
		return false
	}
	size := 0
	for _, v := range t.values {
		size += len(v) + 8
	}
	return size > w.limit
}

// stops notes all that a proxy does not know of a condition.
func (w *writer) stops(c *cond) {
	switch c.op {
	case condStop:
		w.stop(c.stop, always)
	case condTest, condNotTest:
		switch t := c.test; {
		case t.in.why != nil:
			w.stop(t.in.why, always)
		case t.in.item > 0:
			w.stop(stopAt(nil, t.in.ref, "an item of a list, apart from the list"), always)
		case w.tooLong(t):
			w.stop(stopAt(nil, t.in.ref, "it is compared with more values than a proxy shall hold"), always)
		}
	case condAnd, condOr:
		for _, x := range c.of {
			w.stops(x)
		}
	}
}

// fields are those of an object answer that are read, by verdict.
var fields = map[string]bool{"allowed": true, "http_status": true, "body": true, "headers": true, "response_headers_to_add": true,
	"request_headers_to_remove": true, "query_parameters_to_set": true, "query_parameters_to_remove": true, "dynamic_metadata": true}

// answerValue is a value as far as it is an answer; false: that is made of the
// request.
func answerValue(v value) (ast.Value, bool) {
	r, ok := v.(record)
	if !ok {
		return ground(v)
	}
	var keep record
	for i, k := range r.keys {
		if s, ok := k.(ast.String); ok && fields[string(s)] {
			keep.keys, keep.values = append(keep.keys, k), append(keep.values, r.values[i])
		}
	}
	return ground(keep)
}

var _ = model.VerdictAsk
