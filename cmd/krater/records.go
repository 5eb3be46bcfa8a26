package main

import (
	"errors"

	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/decisionstore"
	"github.com/spf13/cobra"
)

// recordsFlag adds --state to a command that reads what a mesh's collector has
// kept: by the folder of state, or of the running mesh in a folder.
func recordsFlag(cmd *cobra.Command) func(mesh string) (state.Layout, error) {
	dir := cmd.Flags().String("state", "", "Folder of state of the collector (default: that of the running mesh).")
	return func(mesh string) (state.Layout, error) {
		if *dir != "" {
			return state.New(*dir)
		}
		return state.Find(mesh)
	}
}

// recordsOf gives the records of one request, in the order of time.
func recordsOf(l state.Layout, id string) ([]model.DecisionRecord, error) {
	var out []model.DecisionRecord
	err := decisionstore.Read(l.Path("collector"), func(r model.DecisionRecord) {
		if r.RequestID == id || r.TraceID == id || hasDecision(r, id) {
			out = append(out, r)
		}
	})
	if err == nil && len(out) == 0 {
		err = errors.New("no record has this id: no policy decided about the request, it is too long ago, or the proxies' records are still on their way")
	}
	return out, err
}

func hasDecision(r model.DecisionRecord, id string) bool {
	if r.Decision != nil && r.Decision.DecisionID == id {
		return true
	}
	for _, s := range r.Shadows {
		if s.DecisionID == id {
			return true
		}
	}
	return false
}
