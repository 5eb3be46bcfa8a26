package decisionstore

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/krater-mesh/krater/model"
)

// ShadowReport says what policies in shadow would have denied.
type ShadowReport struct {
	Since    time.Time      `json:"since,omitzero"`
	Until    time.Time      `json:"until,omitzero"`
	Policies []ShadowPolicy `json:"policies"`
	rows     map[shadowKey]*ShadowRow
	counts   map[string]*ShadowPolicy
}

// ShadowPolicy is one policy's part. Denied of them were allowed to go on.
type ShadowPolicy struct {
	Policy   string      `json:"policy"`
	Requests int         `json:"requests"`
	Denied   int         `json:"wouldDeny"`
	Rows     []ShadowRow `json:"rows,omitempty"`
}

// ShadowRow is what would have been denied of one caller on one kind of path.
type ShadowRow struct {
	Caller    string    `json:"caller"`
	Method    string    `json:"method"`
	Path      string    `json:"path"` // what looks like an id is "{}"
	Count     int       `json:"count"`
	Rule      string    `json:"rule"` // of the last
	Last      time.Time `json:"last"`
	RequestID string    `json:"requestId,omitempty"` // of the last
}

type shadowKey struct{ policy, caller, method, path string }

// maxRows bounds a report: callers and paths are made up by clients.
const maxRows = 1000

// others stands for the paths and callers past that.
const others = "(others)"

// Add counts one verdict in shadow.
func (r *ShadowReport) Add(d model.Decision, about model.DecisionRecord) {
	if !d.Shadow {
		return
	}
	if r.rows == nil {
		r.rows, r.counts = map[shadowKey]*ShadowRow{}, map[string]*ShadowPolicy{}
	}
	if r.Since.IsZero() || about.Time.Before(r.Since) {
		r.Since = about.Time
	}
	if about.Time.After(r.Until) {
		r.Until = about.Time
	}
	policy := cmp.Or(d.Policy, "("+d.Rule+")")
	count := r.counts[policy]
	if count == nil {
		count = &ShadowPolicy{Policy: policy}
		r.counts[policy] = count
	}
	count.Requests++
	if d.Allowed {
		return
	}
	count.Denied++
	key := shadowKey{policy, about.Caller, about.Method, Template(about.Path)}
	if r.rows[key] == nil && len(r.rows) >= maxRows {
		key.caller, key.path = others, others
	}
	row := r.rows[key]
	if row == nil {
		row = &ShadowRow{Caller: key.caller, Method: key.method, Path: key.path}
		r.rows[key] = row
	}
	row.Count++
	if !about.Time.Before(row.Last) {
		row.Last, row.Rule, row.RequestID = about.Time, d.Rule, about.RequestID
	}
}

// Finish sorts: what would deny most comes first.
func (r *ShadowReport) Finish() {
	for key, row := range r.rows {
		r.counts[key.policy].Rows = append(r.counts[key.policy].Rows, *row)
	}
	r.Policies = []ShadowPolicy{}
	for _, p := range r.counts {
		slices.SortFunc(p.Rows, func(a, b ShadowRow) int {
			return cmp.Or(b.Count-a.Count, strings.Compare(a.Path, b.Path), strings.Compare(a.Caller, b.Caller), strings.Compare(a.Method, b.Method))
		})
		r.Policies = append(r.Policies, *p)
	}
	slices.SortFunc(r.Policies, func(a, b ShadowPolicy) int {
		return cmp.Or(b.Denied-a.Denied, strings.Compare(a.Policy, b.Policy))
	})
}

// Text writes the report for people.
func (r *ShadowReport) Text(w io.Writer) error {
	if len(r.Policies) == 0 {
		_, err := fmt.Fprintln(w, "no policy in shadow has decided about a request")
		return err
	}
	fmt.Fprintf(w, "from %s to %s\n", r.Since.Format(time.DateTime), r.Until.Format(time.DateTime))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range r.Policies {
		fmt.Fprintf(t, "\n%s would deny %d of %d requests\n", p.Policy, p.Denied, p.Requests)
		if len(p.Rows) > 0 {
			fmt.Fprintln(t, "  COUNT\tCALLER\tMETHOD\tPATH\tRULE\tLAST REQUEST")
		}
		for _, row := range p.Rows {
			fmt.Fprintf(t, "  %d\t%s\t%s\t%s\t%s\t%s\n", row.Count, row.Caller, row.Method, row.Path, row.Rule, row.RequestID)
		}
	}
	return t.Flush()
}

// id is a segment of a path that names one thing among many: a number, a
// UUID, a hash, a long word with digits.
var id = regexp.MustCompile(`^(\d+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{12,}|[^/]*\d[^/]{15,}|[^/]{16,}\d[^/]*)$`)

// maxSegments bounds a path's template.
const maxSegments = 8

// Template puts "{}" in the place of what looks like an id.
func Template(path string) string {
	segments := strings.Split(path, "/")
	if len(segments) > maxSegments {
		segments = append(segments[:maxSegments:maxSegments], "**")
	}
	for i, s := range segments {
		if id.MatchString(s) {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}
