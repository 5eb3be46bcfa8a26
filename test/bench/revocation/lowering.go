package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/lower"
	"github.com/krater-mesh/krater/test/bench/mesh"
	"github.com/krater-mesh/krater/test/bench/process"
)

// measureLowering lowers the large policy again after one entry changed, as the
// control plane does, in this process.
func measureLowering(_ context.Context, o options, _ *mesh.Mesh, r *report) error {
	lowered := func(role string) model.RegoPolicy {
		return model.RegoPolicy{Object: model.Ref{Kind: "RegoPolicy", Namespace: "default", Name: "many"}, Query: "data.rights.allow", Mode: model.Enforce,
			Modules: []model.RegoModule{{Name: "rights.rego", Source: `package rights
import input.attributes.request.http
default allow := false
user := data.users[http.headers["x-user"]]
allow if user.role == "admin"
allow if { user.role == "reader"; http.method == "GET" }
`}}, Data: users(o.entries, role)}
	}
	var kept lower.Kept
	kept.Policy(lowered("nobody"), nil)
	for i := range o.edits {
		p := lowered(fmt.Sprintf("role-%d", i))
		runtime.GC()
		before, err := process.CPU(os.Getpid())
		if err != nil {
			return err
		}
		if l := kept.Policy(p, nil); len(l.Rules) == 0 {
			return fmt.Errorf("nothing of the policy is lowered: %v", l.Stops)
		}
		after, err := process.CPU(os.Getpid())
		if err != nil {
			return err
		}
		r.lowering = append(r.lowering, float64((after - before).Milliseconds()))
	}
	return nil
}
