package controlplane

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"slices"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
)

// adminAPI answers `krater status` and the part of krater that runs the fleet,
// and profiles of this process to those who may open its socket.
func (c *ControlPlane) adminAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { c.writeJSON(w, c.Status()) })
	mux.HandleFunc("GET /fleet", func(w http.ResponseWriter, _ *http.Request) { c.writeJSON(w, c.Fleet()) })
	mux.HandleFunc("GET /snapshot", func(w http.ResponseWriter, _ *http.Request) { c.writeJSON(w, c.now().snapshot) })
	c.authorityAPI(mux)
	c.rolloutAPI(mux)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /history", func(w http.ResponseWriter, r *http.Request) {
		if set := r.URL.Query().Get("policySet"); set != "" {
			c.writeJSON(w, c.status.WithPolicySet(set))
			return
		}
		c.writeJSON(w, c.status.History())
	})
	return mux
}

func (c *ControlPlane) writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		c.o.Logger.Warn("an admin answer could not be written", "reason", err)
	}
}

func (c *ControlPlane) now() published {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// Fleet is what is to run.
func (c *ControlPlane) Fleet() Fleet {
	s := c.now().snapshot
	here := slices.DeleteFunc(slices.Clone(s.Workloads), model.Workload.Elsewhere)
	return Fleet{Version: model.Hash([]any{here, s.Services}), Workloads: here, Services: s.Services}
}

// Status is the state of the mesh now.
func (c *ControlPlane) Status() Status {
	current := c.now()
	out := Status{
		Mesh: current.snapshot.Mesh.Name, Snapshot: current.snapshot.Version, At: current.at,
		Modules: modulesOf(current.snapshot, current.clients, c.stages.Modules()), Problems: c.problems(), Refused: c.gate.List(),
	}
	out.Rollouts, out.Events = c.rollouts.status(current.snapshot)
	reports := c.reports()
	clients, connections := map[string]serve.ClientStatus{}, c.gate.Connections()
	for _, s := range c.server.Status() {
		clients[s.Node] = s
	}
	of := func(node string) ClientStatus {
		s := clientStatus(node, clients[node])
		if connection, ok := connections[node]; ok {
			s.Connection = &connection
		}
		return s
	}
	for _, w := range current.snapshot.Workloads {
		s := of(w.ID())
		if report, ok := reports[w.ID()]; ok {
			s.Report = &report
		}
		s.Loads = c.loads.of(w.ID())
		s.Address, s.Gateway, s.Elsewhere = w.Address, w.Gateway, w.Elsewhere()
		out.Proxies = append(out.Proxies, s)
		out.Problems = append(out.Problems, refusals(current.snapshot, w, clients[w.ID()])...)
	}
	for _, node := range []string{model.NodePolicyd, model.NodeCollector} {
		out.Daemons = append(out.Daemons, of(node))
		out.Problems = append(out.Problems, refusals(current.snapshot, model.Workload{Name: node}, clients[node])...)
	}
	out.Problems = append(out.Problems, filterProblems(current.snapshot, reports)...)
	return out
}

// problems are those of the configuration, and of who is denied.
func (c *ControlPlane) problems() model.Problems {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Concat(c.current.problems, c.deniedProblems, c.rollouts.problems(c.current.snapshot))
}

// agentsOwn are the types that agents keep for themselves.
var agentsOwn = []string{model.TypeAgentSettings, model.TypeNameTable, model.TypeFilterSecrets}

func clientStatus(id string, s serve.ClientStatus) ClientStatus {
	out := ClientStatus{ID: id, Connected: s.Connected, Types: map[string]TypeStatus{}}
	for typeURL, t := range s.Types {
		state := State(t.State)
		if t.State == serve.StateNotSent {
			if t.Version == "" || !s.Connected || slices.Contains(agentsOwn, typeURL) { // an Envoy by itself does not ask
				continue
			}
			state = Stale
		}
		out.Types[shortType(typeURL)] = TypeStatus{State: state, Count: t.Count, Detail: t.Detail}
	}
	return out
}
