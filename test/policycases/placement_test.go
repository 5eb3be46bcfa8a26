package policycases_test

import (
	"fmt"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// placement is "native", or what keeps a policy from it.
func placement(l *model.Lowered) string {
	if l.Whole() {
		return "native"
	}
	if l == nil {
		return "daemon: it does not compile"
	}
	where := "daemon"
	for _, r := range l.Rules {
		if r.Verdict != model.VerdictAsk {
			where = "native and daemon"
		}
	}
	var whys []string
	for _, s := range l.Stops {
		whys = append(whys, fmt.Sprintf("%s:%d %s: %s", s.Module, s.Line, s.Expression, s.Why))
	}
	return where + ": " + strings.Join(whys, "; ")
}
