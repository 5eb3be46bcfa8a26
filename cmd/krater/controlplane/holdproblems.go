package controlplane

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// holdProblems are those of requests that a proxy's filters hold. Which filter
// it is, a proxy does not tell: each of a stranger's that runs is named.
func holdProblems(s *model.Snapshot, reports map[string]model.ProxyReport) (out model.Problems) {
	where, held := map[string][]string{}, map[string]int64{}
	for _, proxy := range slices.Sorted(maps.Keys(reports)) {
		r := reports[proxy]
		for _, f := range r.Filters {
			if r.Held > 0 && f.State == model.FilterRunning && !slices.Contains(where[f.Object], proxy) {
				where[f.Object] = append(where[f.Object], proxy)
				held[f.Object] += r.Held
			}
		}
	}
	for name, proxies := range where {
		f := objectOf(s, name)
		if f == nil || f.Type == model.FilterNetwork || strings.HasPrefix(f.Module.URL, model.BuiltinModule) {
			continue
		}
		out = append(out, model.Problem{Code: model.CodeFilterHolds, Severity: model.Warning, Object: f.Object, Origin: s.Origin(f.Object),
			Message: fmt.Sprintf("%d requests have waited for more than 10 s in the filters of %s, and were sent nowhere: this filter may hold them", held[name], some(proxies)),
			Fix:     "let the filter resume what it pauses, and give its calls short timeouts"})
	}
	return out
}
