package model

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// ScopeDecisions is the log that decisions are in on their way to the
// collector: each record's body is a DecisionEvent. What leaves it for a rule
// is in "decisions/NAMESPACE/RULE".
const ScopeDecisions = "decisions"

// DecisionLog asks for a record of each decision, with what its policy read.
type DecisionLog struct {
	// Mask takes values out of the records.
	Mask []DecisionMask `json:"mask,omitempty"`
	// Credentials keeps what names a caller to a server (Authorization, Cookie),
	// which is taken out otherwise.
	Credentials bool `json:"credentials,omitempty"`
	// Drop leaves records out: those of which one item holds whole.
	Drop []DecisionDrop `json:"drop,omitempty"`
}

// DecisionMask removes one value of a record, or puts another in its place.
type DecisionMask struct {
	Path    string  `json:"path"` // a JSON pointer: "/input/attributes/request/http/headers/authorization"
	Replace *string `json:"replace,omitempty"`
}

// DecisionDrop holds of a decision where all that it gives does.
type DecisionDrop struct {
	Policy    string       `json:"policy,omitempty"` // NAMESPACE/NAME
	Placement Place        `json:"placement,omitempty"`
	Allowed   *bool        `json:"allowed,omitempty"`
	Shadow    *bool        `json:"shadow,omitempty"`
	Method    string       `json:"method,omitempty"`
	Path      *StringMatch `json:"path,omitempty"` // without the query
	// Keep is how many percent of what it holds of are recorded all the same.
	Keep float64 `json:"keep,omitempty"`
}

// DecisionEvent is a decision as OPA's decision logs have it, so that whoever
// reads those reads this. What OPA has no word for is in Custom.
type DecisionEvent struct {
	Labels     map[string]string `json:"labels"`
	DecisionID string            `json:"decision_id"`
	TraceID    string            `json:"trace_id,omitempty"`
	SpanID     string            `json:"span_id,omitempty"`
	Path       string            `json:"path,omitempty"`
	Input      any               `json:"input,omitempty"`
	Result     any               `json:"result,omitempty"`
	Erased     []string          `json:"erased,omitempty"`
	Masked     []string          `json:"masked,omitempty"`
	Timestamp  time.Time         `json:"timestamp"`
	Metrics    map[string]any    `json:"metrics,omitempty"`
	Custom     DecisionCustom    `json:"custom"`
}

// DecisionCustom is what Krater adds to OPA's event.
type DecisionCustom struct {
	Krater DecisionDetails `json:"krater"`
}

// DecisionDetails are a decision's identity, and whom it was about.
type DecisionDetails struct {
	Decision
	RequestID string `json:"requestId,omitempty"`
	Proxy     string `json:"proxy,omitempty"`  // "namespace/name" of who decided, or asked
	Caller    string `json:"caller,omitempty"` // who called: the principal, or the workload
	Method    string `json:"method,omitempty"`
	URLPath   string `json:"path,omitempty"` // without the query
	// Reads are the references of Input that were looked for: what is not in
	// Input was absent. ReadsAll: Input is the whole document.
	Reads    []string `json:"reads,omitempty"`
	ReadsAll bool     `json:"readsAll,omitempty"`
}

// Drops tells whether the log leaves an event out. dice is a number from 0 to
// 100 that is the same for all decisions of a request.
func (l DecisionLog) Drops(e *DecisionEvent, dice float64) bool {
	for _, d := range l.Drop {
		if d.holds(e.Custom.Krater) && dice >= d.Keep {
			return true
		}
	}
	return false
}

func (d DecisionDrop) holds(of DecisionDetails) bool {
	_, policy, _ := strings.Cut(of.Policy, " ")
	return (d.Policy == "" || d.Policy == policy) &&
		(d.Placement == "" || d.Placement == of.Place) &&
		(d.Allowed == nil || *d.Allowed == of.Allowed) &&
		(d.Shadow == nil || *d.Shadow == of.Shadow) &&
		(d.Method == "" || d.Method == of.Method) &&
		(d.Path == nil || d.Path.Matches(of.URLPath))
}

// credentials are headers whose value lets whoever has it be the caller.
var credentials = []string{"authorization", "cookie", "proxy-authorization", "x-forwarded-client-cert"}

// Credential tells whether a header is one of these.
func Credential(header string) bool { return slices.Contains(credentials, strings.ToLower(header)) }

// HeaderMask takes a header out of an event, in each form that input has it.
func HeaderMask(name string) []DecisionMask {
	const http = "/input/attributes/request/http/"
	return []DecisionMask{{Path: http + "headers/" + escaped(name)}, {Path: http + "headerMap"}}
}

// escaped is a member's name in a JSON pointer.
func escaped(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// Apply masks an event in place, by the log's own masks and by more of them:
// Input and Result must be its own.
func (l DecisionLog) Apply(e *DecisionEvent, more ...DecisionMask) {
	if !l.Credentials {
		for _, name := range credentials {
			more = append(more, HeaderMask(name)...)
		}
	}
	for _, m := range append(slices.Clone(l.Mask), more...) {
		parts := pointer(m.Path)
		root := map[string]any{"input": e.Input, "result": e.Result}
		if !put(root, parts, m.Replace) {
			continue
		}
		e.Input, e.Result = root["input"], root["result"]
		if m.Replace == nil {
			e.Erased = append(e.Erased, m.Path)
		} else {
			e.Masked = append(e.Masked, m.Path)
		}
	}
}

// ValidMask tells whether a path is one that a mask can have.
func ValidMask(path string) bool {
	parts := pointer(path)
	return len(parts) >= 2 && strings.HasPrefix(path, "/") && (parts[0] == "input" || parts[0] == "result")
}

// pointer splits a JSON pointer.
func pointer(path string) []string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
	}
	return parts
}

// put replaces a member, or removes it. It tells whether it was there.
func put(in any, path []string, with *string) bool {
	object, ok := in.(map[string]any)
	if !ok {
		return false
	}
	next, ok := object[path[0]]
	switch {
	case !ok:
		return false
	case len(path) > 1:
		return put(next, path[1:], with)
	case with == nil:
		delete(object, path[0])
	default:
		object[path[0]] = *with
	}
	return true
}

// Clone is an event whose input and result may be changed.
func (e DecisionEvent) Clone() DecisionEvent {
	e.Input, e.Result = clone(e.Input), clone(e.Result)
	e.Erased, e.Masked = append([]string(nil), e.Erased...), append([]string(nil), e.Masked...)
	return e
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = clone(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = clone(value)
		}
		return out
	}
	return v
}

// ReadEvents reads a log of decisions: events as OPA writes them, one a line
// or in lists. What is no event is skipped and counted.
func ReadEvents(text []byte) (events []DecisionEvent, skipped int) {
	for _, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var one DecisionEvent
		var many []DecisionEvent
		switch {
		case strings.HasPrefix(line, "[") && json.Unmarshal([]byte(line), &many) == nil:
			events = append(events, many...)
		case json.Unmarshal([]byte(line), &one) == nil && (one.DecisionID != "" || one.Custom.Krater.Policy != ""):
			events = append(events, one)
		default:
			skipped++
		}
	}
	return events, skipped
}
