package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/config/status"
	"github.com/krater-mesh/krater/model"
)

// happened is what became of one request, by the records of the proxies that
// it passed.
type happened struct {
	RequestID string                 `json:"requestId"`
	Records   []model.DecisionRecord `json:"records"`
	// Snapshots are the configurations that had the policy sets which decided,
	// newest first, while the control plane remembers them.
	Snapshots []string `json:"snapshots,omitempty"`
}

// explainRecord tells of a request that happened.
func explainRecord(ctx context.Context, l state.Layout, id string) (happened, error) {
	records, err := recordsOf(l, id)
	if err != nil {
		return happened{}, err
	}
	slices.SortFunc(records, func(a, b model.DecisionRecord) int { return a.Time.Compare(b.Time) })
	out := happened{RequestID: id, Records: records}
	client := controlplane.NewClient(l.Path("admin.sock"))
	for _, set := range policySetsOf(records) {
		changes, err := client.WithPolicySet(ctx, set)
		if err != nil {
			break // it is down: the records are still good
		}
		out.Snapshots = append(out.Snapshots, versions(changes)...)
	}
	return out, nil
}

func policySetsOf(records []model.DecisionRecord) []string {
	var out []string
	for _, r := range records {
		if r.Decision != nil && r.Decision.PolicySet != "" && !slices.Contains(out, r.Decision.PolicySet) {
			out = append(out, r.Decision.PolicySet)
		}
	}
	return out
}

func versions(changes []status.Change) []string {
	var out []string
	for _, c := range changes {
		out = append(out, fmt.Sprintf("%s of %s", c.Version, c.At.Format(time.DateTime)))
	}
	return out
}

// text writes it for people, in the way of explain.
func (h happened) text(w io.Writer) error {
	var b strings.Builder
	for _, r := range h.Records {
		fmt.Fprintf(&b, "%s  %s %s%s from %s\n", r.Time.Format("15:04:05.000"), r.Method, r.Host, r.Path, cmp.Or(r.Caller, "unknown"))
		fmt.Fprintf(&b, "  %s of %s", r.Direction, r.Proxy)
		if r.Called != "" && r.Called != r.Proxy {
			fmt.Fprintf(&b, ", to %s", r.Called)
		}
		b.WriteString("\n")
		for _, s := range r.Shadows {
			fmt.Fprintf(&b, "  • in shadow, %s would have %s it: rule %s (%s)%s\n", cmp.Or(s.Policy, "no policy"), done(s.Allowed), s.Rule, s.Place, because(s.Reason))
		}
		if d := r.Decision; d != nil {
			fmt.Fprintf(&b, "  %s %s %s it: rule %s (%s)%s\n", sign(d.Allowed), cmp.Or(d.Policy, "policy of several"), done(d.Allowed), cmp.Or(d.Rule, "unknown"), d.Place, because(d.Reason))
			if d.DecisionID != "" || d.PolicySet != "" {
				fmt.Fprintf(&b, "    decision %s, policy set %s\n", cmp.Or(d.DecisionID, "-"), cmp.Or(d.PolicySet, "-"))
			}
		}
		fmt.Fprintf(&b, "→ %d (%s)\n", r.Status, r.Details)
	}
	for _, s := range h.Snapshots {
		fmt.Fprintf(&b, "by the configuration %s\n", s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func done(allowed bool) string {
	if allowed {
		return "allowed"
	}
	return "denied"
}

func sign(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
