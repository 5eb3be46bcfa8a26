package lower

// comparison is ==, != and the orders.
func (c call) comparison(op string) []outcome {
	m, a, b := c.m, c.args[0], c.args[1]
	there := and(m.defined(a), m.defined(b))
	var yes *cond
	switch op {
	case "==":
		yes = m.equal(a, b)
	case "!=":
		yes = and(there, not(m.equal(a, b)))
	default:
		g, ok := ground(b)
		if !ok {
			if g, ok = ground(a); !ok {
				return c.stop("two values of the request are compared by order")
			}
			a, op = b, map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}[op]
		}
		yes = m.order(a, op, g)
	}
	return relation(yes, and(there, not(yes)))
}
