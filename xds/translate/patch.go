package translate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
)

// What a patch is for, in EnvoyFilter's words.
const (
	patchCluster = "CLUSTER"
	patchRoutes  = "ROUTE_CONFIGURATION"
	patchHost    = "VIRTUAL_HOST"
	patchRoute   = "HTTP_ROUTE"
	patchFilter  = "HTTP_FILTER"
	patchNetwork = "NETWORK_FILTER"
	patchListen  = "LISTENER"
)

// contextOf is a direction in EnvoyFilter's words.
var contextOf = map[direction]string{inbound: "SIDECAR_INBOUND", outbound: "SIDECAR_OUTBOUND", gateway: "GATEWAY"}

// patches are those of a proxy, in the order in which they are applied. A
// generator gets those alone that may concern what it makes.
type patches []*model.EnvoyPatch

// patchesFor selects those of a workload, as far as its class knows it.
func patchesFor(snap *model.Snapshot, w model.Workload) patches {
	var out patches
	for _, p := range snap.Patches {
		if p.Selector.Matches(w) && len(p.Match.Node) == 0 {
			out = append(out, p)
		}
	}
	return out
}

// of selects those for some kinds of things in a direction.
func (list patches) of(d direction, kinds ...string) patches {
	var out patches
	for _, p := range list {
		if slices.Contains(kinds, p.ApplyTo) && (p.Match.Context == "" || p.Match.Context == contextOf[d]) {
			out = append(out, p)
		}
	}
	return out
}

// read gives a patch's value as the message that it is of. false: it cannot be
// read, which the report says.
func read[M proto.Message](r *report, p *model.EnvoyPatch, m M) (M, bool) {
	if err := (protojson.UnmarshalOptions{DiscardUnknown: false}).Unmarshal(p.Value, m); err != nil {
		r.problem(model.Error, model.CodeInvalidValue, p.Object, patchField(p)+".patch.value",
			fmt.Sprintf("not what Envoy reads here: %v", strings.ReplaceAll(err.Error(), "\u00a0", " ")), "")
		return m, false
	}
	return m, true
}

func patchField(p *model.EnvoyPatch) string {
	return "spec.configPatches[" + strconv.Itoa(p.Index) + "]"
}

// patched merges what fits into a message that nobody shares yet.
func patched[M proto.Message](r *report, list patches, m M, fits func(*model.EnvoyPatch) bool) {
	for _, p := range list {
		if p.Operation != "MERGE" || !fits(p) {
			continue
		}
		if value, ok := read(r, p, m.ProtoReflect().New().Interface()); ok {
			merge(m.ProtoReflect(), value.ProtoReflect())
		}
	}
}

// without leaves out what a REMOVE fits.
func without[M any](list patches, from []M, fits func(*model.EnvoyPatch, M) bool) []M {
	return slices.DeleteFunc(from, func(m M) bool {
		return slices.ContainsFunc(list, func(p *model.EnvoyPatch) bool { return p.Operation == "REMOVE" && fits(p, m) })
	})
}

// is tells whether a match's word is absent or one of some.
func is(want string, have ...string) bool { return want == "" || slices.Contains(have, want) }

// isPort is the same of a port.
func isPort(want, have uint32) bool { return want == 0 || want == have }
