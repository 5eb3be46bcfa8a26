package translate

import (
	"fmt"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"

	"github.com/krater-mesh/krater/model"
)

// denials answer what policies refuse natively; nil: none does. The script is
// entered only where one refused: it finds the first, and gives its answer. It
// is Envoy's own way to answer a body and headers of one's own, and passes
// through the same code as policyd's denials: see RATIONALE.md.
func (p *proxy) denials(policies []classified) filters {
	var keys, answers []string
	for _, c := range policies {
		if !c.denies {
			continue
		}
		key := luaString(verdictKey(c.RegoPolicy))
		keys = append(keys, key)
		for i, a := range c.Lowered.Answers {
			answers = append(answers, fmt.Sprintf("[%s..%s]=%s", key, luaString(fmt.Sprintf("deny#%d", i+1)), luaAnswer(a)))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	script := "local keys={" + strings.Join(keys, ",") + "}\nlocal answers={" + strings.Join(answers, ",\n") + "}\n" + p.namedScript(policies) + denialScript
	return filters{extension("krater.denial", &luav3.Lua{
		StatPrefix:        "krater_denial",
		DefaultSourceCode: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: script}},
	})}
}

const denialScript = `local plain={headers={[":status"]="403"},body=""}
function envoy_on_request(handle)
  local verdicts=handle:streamInfo():dynamicMetadata():get("` + filterRBAC + `")
  for _,key in ipairs(keys) do
    local verdict=string.match(verdicts[key] or "","^[^|]*")
    if string.sub(verdict,1,4)=="deny" then
      local answer=named(answers[key..verdict] or plain,key,verdicts[key])
      handle:respond(answer.headers,answer.body)
      return
    end
  end
  handle:respond(plain.headers,plain.body)
end
`

// luaAnswer writes an answer as the script has it: of several headers of one
// name there is a list.
func luaAnswer(a model.LoweredAnswer) string {
	fields := []string{fmt.Sprintf("[\":status\"]=\"%d\"", a.Status)}
	values := map[string][]string{}
	var names []string
	for _, h := range a.Headers {
		name := strings.ToLower(h.Name)
		if values[name] == nil {
			names = append(names, name)
		}
		values[name] = append(values[name], luaString(h.Value))
	}
	for _, name := range names {
		value := values[name][0]
		if len(values[name]) > 1 {
			value = "{" + strings.Join(values[name], ",") + "}"
		}
		fields = append(fields, "["+luaString(name)+"]="+value)
	}
	return "{headers={" + strings.Join(fields, ",") + "},body=" + luaString(a.Body) + "}"
}

// luaString quotes bytes, whatever they are.
func luaString(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i := range len(s) {
		if b := s[i]; b < ' ' || b > '~' || b == '"' || b == '\\' {
			fmt.Fprintf(&out, `\%03d`, b)
		} else {
			out.WriteByte(b)
		}
	}
	return out.String() + `"`
}
