package controlplane

import (
	"fmt"
	"strings"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/admission"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/rollout"
)

// State is where a proxy, or one resource type of it, stands.
type State string

// The states of `krater status`.
const (
	Synced       State = "SYNCED"
	Stale        State = "STALE" // something is unsent or not yet acknowledged
	Nack         State = "NACK"  // something was refused; the last good stays
	Disconnected State = "NOT CONNECTED"
)

// Status is what the control plane knows of the mesh.
type Status struct {
	Mesh     string         `json:"mesh"`
	Snapshot string         `json:"snapshot"`
	At       time.Time      `json:"at"` // when the snapshot was built
	Proxies  []ClientStatus `json:"proxies"`
	Daemons  []ClientStatus `json:"daemons"`
	Modules  []ModuleStatus `json:"modules,omitempty"`
	// Rollouts are those of filters; Events what happened in them, the last last.
	Rollouts []RolloutStatus `json:"rollouts,omitempty"`
	Events   []rollout.Event `json:"events,omitempty"`
	// Refused is what was asked for and not given, the last first.
	Refused  []admission.Refusal `json:"refused,omitempty"`
	Problems model.Problems      `json:"problems,omitempty"`
}

// ClientStatus is one proxy or daemon.
type ClientStatus struct {
	ID        string `json:"id"`
	Address   string `json:"address,omitempty"`
	Gateway   bool   `json:"gateway,omitempty"`
	Elsewhere bool   `json:"elsewhere,omitempty"` // on a machine of its own: nobody here starts its agent
	Connected bool   `json:"connected"`
	// Connection is who it is by its certificate; nil: it came without one.
	Connection *admission.Connection `json:"connection,omitempty"`
	Types      map[string]TypeStatus `json:"types,omitempty"` // "CDS", "LDS", …
	// Report is what its agent says of the proxy; nil: nothing of late.
	Report *model.ProxyReport `json:"report,omitempty"`
	// Loads are pushes of filters that kept it busy, the newest last.
	Loads []Load `json:"loads,omitempty"`
}

// TypeStatus is one resource type of one proxy.
type TypeStatus struct {
	State  State  `json:"state"`
	Count  int    `json:"count"` // resources in force
	Detail string `json:"detail,omitempty"`
}

// ModuleState is where a module stands.
type ModuleState string

// The states of a module. One that is pending or failed may have a digest: that
// of the last good one, which goes on.
const (
	ModuleReady   ModuleState = "ready"
	ModulePending ModuleState = "pending"
	ModuleFailed  ModuleState = "failed"
)

// ModuleStatus is one Wasm module and where it is used.
type ModuleStatus struct {
	URL    string `json:"url"`
	Digest string `json:"digest"` // "" where there is none, and none that was good before
	// Image is the digest of the OCI manifest that it came in, and Signer the
	// fingerprint of the key that signed it; "" for none.
	Image   string      `json:"image,omitempty"`
	Signer  string      `json:"signer,omitempty"`
	State   ModuleState `json:"state"`
	Reason  string      `json:"reason,omitempty"` // why it is pending or failed
	Size    int64       `json:"size"`
	Filters []string    `json:"filters"` // objects that bind it
	Proxies int         `json:"proxies"` // that have it
}

// State sums a client up: the worst of its types.
func (c ClientStatus) State() State {
	if !c.Connected || len(c.Types) == 0 {
		return Disconnected
	}
	out := Synced
	for _, t := range c.Types {
		switch {
		case t.State == Nack:
			return Nack
		case t.State != Synced:
			out = Stale
		}
	}
	return out
}

// Synced tells whether every proxy and daemon runs what it was sent.
func (s Status) Synced() bool { return s.Waiting() == "" }

// Waiting names what is not synced, or not there yet, "" if nothing.
func (s Status) Waiting() string {
	var out []string
	for _, list := range [][]ClientStatus{s.Proxies, s.Daemons} {
		for _, c := range list {
			if st := c.State(); st != Synced && (c.Connected || !c.Elsewhere) {
				out = append(out, fmt.Sprintf("%s is %s%s", c.ID, st, c.reason()))
			}
		}
	}
	for _, m := range s.Modules {
		if m.State == ModulePending {
			out = append(out, fmt.Sprintf("the module %s is pending", m.URL))
		}
	}
	return strings.Join(out, "; ")
}

func (c ClientStatus) reason() string {
	for name, t := range c.Types {
		if t.State == Nack {
			return fmt.Sprintf(" (%s: %s)", name, t.Detail)
		}
	}
	return ""
}

// Fleet is what is to run: the workloads, and the services they may need to
// find without a proxy's help.
type Fleet struct {
	Version   string           `json:"version"`
	Workloads []model.Workload `json:"workloads"`
	Services  []*model.Service `json:"services"`
}
