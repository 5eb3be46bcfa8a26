package lower

// understood are the built-ins that are lowered of values of the request.
func understood() map[string]func(call) []outcome {
	return map[string]func(call) []outcome{
		"equal": func(c call) []outcome { return c.comparison("==") },
		"neq":   func(c call) []outcome { return c.comparison("!=") },
		"lt":    func(c call) []outcome { return c.comparison("<") },
		"lte":   func(c call) []outcome { return c.comparison("<=") },
		"gt":    func(c call) []outcome { return c.comparison(">") },
		"gte":   func(c call) []outcome { return c.comparison(">=") },

		"internal.member_2": memberOf,
		"internal.member_3": memberWithKey,
		"count":             countOf,
		"startswith":        startsWith,
		"endswith":          endsWith,
		"contains":          containsText,
		"lower":             func(c call) []outcome { return folded(c, 'l') },
		"upper":             func(c call) []outcome { return folded(c, 'u') },
		"split":             splitText,
		"concat":            concatText,
		"sprintf":           formatted,
		"trim_prefix":       trimPrefix,
		"trim_suffix":       trimSuffix,
		"regex.match":       regexMatch,
		"glob.match":        globMatch,
		"net.cidr_contains": cidrContains,
		"to_number":         toNumber,
		"object.get":        objectGet,
		"minus":             minus,
		"is_string":         ofType(isText),
		"is_number":         ofType(isNumber),
		"is_boolean":        ofType(isBool),
		"is_null":           ofType(isNull),
		"time.now_ns":       now,
		"time.clock":        clock,
		"time.date":         date,
		"time.weekday":      weekday,

		"strings.any_prefix_match": anyPrefix,
		"strings.any_suffix_match": anySuffix,
	}
}
