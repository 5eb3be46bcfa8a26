package controlplane

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/rollout"
)

// RolloutStatus is where a filter's rollout stands.
type RolloutStatus struct {
	Object  string             `json:"object"`
	Phase   model.RolloutPhase `json:"phase"`
	Version string             `json:"version"` // the new one
	Old     string             `json:"old,omitempty"`
	Step    int                `json:"step"` // from 1; 0: none is under way
	Steps   int                `json:"steps"`
	Share   model.RolloutStep  `json:"share,omitzero"`
	Since   time.Time          `json:"since"`
	Reason  string             `json:"reason,omitempty"`
	Waiting string             `json:"waiting,omitempty"` // what the step waits for
	// Proxies have the new version, of the Selected ones; Loading load its code.
	Proxies  []string          `json:"proxies"`
	Selected int               `json:"selected"`
	Loading  []string          `json:"loading,omitempty"`
	Readings []rollout.Reading `json:"readings,omitempty"` // of the guards, last
}

// status tells of the rollouts that are declared or not at their end.
func (r *rollouts) status(s *model.Snapshot) (list []RolloutStatus, events []rollout.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, record := range r.book.Records {
		if record.Gone.IsZero() && (record.New.Rollout != nil || record.Phase != model.RolloutPromoted || len(record.Loading) > 0) {
			list = append(list, statusOf(record, s))
		}
	}
	slices.SortFunc(list, func(a, b RolloutStatus) int { return strings.Compare(a.Object, b.Object) })
	return list, slices.Clone(r.book.Events)
}

func statusOf(r *rollout.Record, s *model.Snapshot) RolloutStatus {
	out := RolloutStatus{Object: r.Object.String(), Phase: r.Phase, Version: r.New.Version(), Since: r.Since, Reason: r.Reason, Waiting: r.Waiting,
		Loading: slices.Clone(r.Loading), Readings: slices.Clone(r.Readings), Proxies: []string{}}
	if r.Old != nil {
		out.Old = r.Old.Version()
	}
	if r.New.Rollout != nil {
		out.Steps = len(r.New.Rollout.Steps)
	}
	if r.Active() {
		out.Step, out.Share = r.Step+1, r.Share
	}
	for i := range s.Workloads {
		w := &s.Workloads[i]
		if !r.New.Selects(*w) {
			continue
		}
		out.Selected++
		if r.For(w) == r.New {
			out.Proxies = append(out.Proxies, w.ID())
		}
	}
	return out
}

// rolloutAPI is the part of the admin API for rollouts.
func (c *ControlPlane) rolloutAPI(mux *http.ServeMux) {
	for _, what := range []string{promoteRollout, abortRollout} {
		mux.HandleFunc("POST /rollouts/"+what, func(w http.ResponseWriter, r *http.Request) {
			err := c.orderRollout(r.Context(), what, r.URL.Query().Get("object"))
			list, _ := c.rollouts.status(c.now().snapshot)
			c.answer(w, list, err)
		})
	}
}

// What may be said of a rollout by hand.
const (
	promoteRollout = "promote"
	abortRollout   = "abort"
)
