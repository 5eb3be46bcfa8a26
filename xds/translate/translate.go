// Package translate turns a Snapshot, its Endpoints and one workload into the
// Envoy resources of that workload's proxy. It is pure: equal inputs give equal
// bytes. It never reads a disk, a clock or a network; what it cannot translate
// is a Problem, never silence.
package translate

import (
	"github.com/krater-mesh/krater/model"
)

// Options are what translation needs beside the mesh.
type Options struct {
	// ModuleDir is the folder where the proxy finds Wasm modules as
	// <64 hex digits of the SHA-256>.wasm; absolute.
	ModuleDir string
	// Builtin is the module of Krater's own filters. Without one, attributes
	// are not drawn, and a Problem says so.
	Builtin model.Module
	// NoIdentity: the proxies have no agent, so no certificate. They call, and
	// take calls, in plain text.
	NoIdentity bool
}

// Translate gives what one workload's proxy gets, with the rollouts under way.
func Translate(snap *model.Snapshot, eps model.Endpoints, w model.Workload, o Options, rollouts ...model.RolloutState) (Resources, model.Problems) {
	r := NewCompiler(o).Compile(snap, eps, []model.Workload{w}, rollouts...)[w.ID()]
	return r.Resources(), r.Problems
}
