package explain

import (
	"strconv"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/traits"
)

// known are the attributes of a request that an explanation has, and that mean
// the same inside of an expression.
var known = []string{"request.method", "request.path", "request.url_path", "request.query", "request.host", "request.scheme", "request.useragent", "request.referer"}

var expressions = sync.OnceValue(func() *cel.Env {
	vars := []cel.EnvOption{cel.Variable("request.headers", cel.MapType(cel.StringType, cel.StringType))}
	for _, name := range known {
		vars = append(vars, cel.Variable(name, cel.StringType))
	}
	env, err := cel.NewEnv(vars...)
	if err != nil { // a fixed list
		panic(err)
	}
	return env
})

// evaluate gives an expression's value as text. unknown: it reads what only a
// running proxy knows. An error makes no value, as in the proxy.
func evaluate(text string, v View) (value string, ok, unknown bool) {
	if value, ok := requestAttribute(text, v); ok {
		return value, true, false
	}
	compiled, issues := expressions().Compile(text)
	if issues.Err() != nil {
		return "", false, true
	}
	program, err := expressions().Program(compiled)
	if err != nil {
		return "", false, true
	}
	headers := map[string]string{":method": v.Method, ":path": v.Path, ":scheme": v.Scheme, ":authority": v.Authority}
	for name := range v.Headers {
		headers[name], _ = v.Header(name)
	}
	given := map[string]any{"request.headers": headers}
	for _, name := range known {
		if value, ok := requestAttribute(name, v); ok {
			given[name] = value
		}
	}
	out, _, err := program.Eval(given)
	if err != nil {
		return "", false, false
	}
	switch out := out.(type) {
	case types.String:
		return string(out), true, false
	case types.Bool:
		return strconv.FormatBool(bool(out)), true, false
	case types.Int:
		return strconv.FormatInt(int64(out), 10), true, false
	case traits.Lister, traits.Mapper:
		return "", false, false
	}
	text, isText := out.ConvertToType(types.StringType).Value().(string)
	return text, isText, false
}
