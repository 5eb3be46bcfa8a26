package controlplane

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// mostNamed is how many proxies a Problem names.
const mostNamed = 5

// filterProblems are those of filters that do not run as they should, on how
// many proxies ever: one Problem a filter and kind.
func filterProblems(s *model.Snapshot, reports map[string]model.ProxyReport) model.Problems {
	type fault struct{ object, code string }
	proxies, first := map[fault][]string{}, map[fault]model.FilterReport{}
	for _, proxy := range slices.Sorted(maps.Keys(reports)) {
		for _, f := range reports[proxy].Filters {
			for _, code := range filterCodes(f) {
				key := fault{f.Object, code}
				if len(proxies[key]) == 0 {
					first[key] = f
				}
				if !slices.Contains(proxies[key], proxy) {
					proxies[key] = append(proxies[key], proxy)
				}
			}
		}
	}
	var out model.Problems
	for key, where := range proxies {
		object := objectOf(s, key.object)
		if object == nil {
			continue // it is not in force any more
		}
		out = append(out, model.Problem{Code: key.code, Severity: model.Error, Object: object.Object, Origin: s.Origin(object.Object),
			Message: filterMessage(key.code, first[key], where, object.Failure), Fix: filterFixes[key.code]})
	}
	return out.Sorted()
}

// filterCodes are what is wrong with a filter.
func filterCodes(f model.FilterReport) (out []string) {
	switch f.State {
	case model.FilterMissing:
		out = append(out, model.CodeModuleMissing)
	case model.FilterTakenOut:
		out = append(out, model.CodeFilterLoops)
	case model.FilterFailing:
		out = append(out, model.CodeFilterFails)
	case model.FilterHolding:
		out = append(out, model.CodeFilterHolds)
	}
	if f.OverMemory {
		out = append(out, model.CodeFilterMemory)
	}
	return out
}

func objectOf(s *model.Snapshot, name string) *model.FilterBinding {
	for _, f := range s.Filters {
		if f.Object.String() == name {
			return f
		}
	}
	return nil
}

var filterFixes = map[string]string{
	model.CodeFilterFails:   "mend the filter, or go back to the version before; its lines are in `krater status -o json`",
	model.CodeFilterMemory:  "bound what the filter keeps, or raise its limit of memory",
	model.CodeFilterLoops:   "mend the filter; it comes back with another module or another configuration",
	model.CodeFilterHolds:   "let it resume what it pauses, and give its calls short timeouts; or let it wait for longer, by limits.pause",
	model.CodeModuleMissing: "see that the control plane has the module, and that the proxy reaches it",
}

func filterMessage(code string, f model.FilterReport, where []string, failure model.FilterFailure) string {
	var b strings.Builder
	switch code {
	case model.CodeFilterFails:
		fmt.Fprintf(&b, "it trapped %d times, and is started again later each time, on %s", f.Traps, some(where))
	case model.CodeFilterMemory:
		fmt.Fprintf(&b, "it took more memory than it may and was started afresh, %d times, on %s", f.Reloads, some(where))
	case model.CodeFilterLoops:
		fmt.Fprintf(&b, "it did not return, and was taken out on %s", some(where))
	case model.CodeFilterHolds:
		return holdMessage(f, where, failure)
	case model.CodeModuleMissing:
		fmt.Fprintf(&b, "its module %s cannot be had on %s", f.Digest, some(where))
	}
	if code != model.CodeFilterMemory {
		if failure == model.FilterFailOpen {
			b.WriteString("; requests pass without it meanwhile")
		} else {
			b.WriteString("; requests are answered 503 meanwhile")
		}
	}
	if f.Reason != "" && code != model.CodeFilterMemory {
		fmt.Fprintf(&b, ": %s", f.Reason)
	}
	if n := len(f.Lines); n > 0 && code != model.CodeFilterMemory {
		fmt.Fprintf(&b, "; its last line: %q", f.Lines[n-1])
	}
	return b.String()
}

// holdMessage tells of a filter that runs, but for some time if it fails open.
func holdMessage(f model.FilterReport, where []string, failure model.FilterFailure) string {
	out := fmt.Sprintf("%d requests waited for it for longer than limits.pause and were answered 504, on %s", f.Held, some(where))
	if failure == model.FilterFailOpen {
		out += "; for a time requests pass without it"
	}
	if n := len(f.Lines); n > 0 {
		out += fmt.Sprintf("; its last line: %q", f.Lines[n-1])
	}
	return out
}

// some names the first of a list, and counts the others.
func some(list []string) string {
	if len(list) > mostNamed {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:mostNamed], ", "), len(list)-mostNamed)
	}
	return strings.Join(list, ", ")
}
