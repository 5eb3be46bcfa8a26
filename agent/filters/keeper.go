// Package filters keeps one Envoy's Wasm filters from harming its requests:
// what traps is started again, what grows beyond its limit is started afresh,
// what does not return is taken out, and for what cannot be had its failure
// policy decides. It changes Envoy's copy of a resource, never what is kept.
package filters

import (
	"cmp"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/krater-mesh/krater/model"
)

// Options of a Keeper.
type Options struct {
	Has    func(digest string) bool   // whether a module is here
	Secret func(model.SecretRef) bool // whether there is a value; nil: always
	File   func(digest string) string // where it is
	Dir    string                     // where it keeps what was taken out
	Output io.Writer                  // Envoy's log
	Logger *slog.Logger
}

// Keeper is one Envoy's, from start to start. Its methods may be called by
// many goroutines.
type Keeper struct {
	o   Options
	out *output

	mu       sync.Mutex
	changed  chan struct{}        // closed when resources stand otherwise
	sent     map[string][]plugin  // by resource: what Envoy was sent last
	vms      map[string]*vm       // by id and module
	takenOut map[string]*taken    // by plugin.identity
	lines    map[string][]string  // by plugin's name: the last that it wrote
	lacks    map[string]lack      // by digest: modules that are not here
	first    map[string]time.Time // by plugin.identity: when it was first sent
	wrote    map[string]wrote     // by thread: who wrote the line before
	run      run

	memories measured
}

// run is what is known of the Envoy process of now.
type run struct {
	pid     int
	crash   crash
	loads   loads
	regions []region        // what was compiled before, and whose it is
	loaded  map[string]bool // digests that Envoy took
	back    []string        // digests that are out until it serves, in the order in which they come back
}

// vm is what the filters share that run in one VM.
type vm struct {
	id, digest string
	generation int
	traps      int64
	reloads    int64
	failing    time.Time // since when; zero: it is well
	trapped    time.Time // the last time
	restart    time.Time // when it is started again; zero: it is not to be
	resting    bool      // it stands aside until then
	pause      pause
	held       int64     // requests that it did not let go
	holding    time.Time // when it did so the last time
	back       pause
	freshUntil time.Time // it is not started afresh again before, for what it holds
	memory     uint64
	over       time.Time // when it had more than it may
	afresh     pause
	notBefore  time.Time         // it is not started afresh again before
	old        map[uint64]uint64 // memories of generations before, and their sizes
	reason     string
}

// taken is a filter that was taken out.
type taken struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
	Lines  []string  `json:"lines,omitempty"`
}

// lack is a module that is not here.
type lack struct {
	since  time.Time
	reason string
}

// New reads what was taken out before. It starts nothing.
func New(o Options) *Keeper {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{o: o, changed: make(chan struct{}), sent: map[string][]plugin{}, vms: map[string]*vm{},
		lines: map[string][]string{}, lacks: map[string]lack{}, first: map[string]time.Time{}, wrote: map[string]wrote{}}
	k.out = &output{to: o.Output, line: k.read}
	k.takenOut = k.load()
	return k
}

// Output is where Envoy has to write.
func (k *Keeper) Output() io.Writer { return k.out }

// Changed is closed when a resource would stand otherwise than before.
func (k *Keeper) Changed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

// change tells that resources stand otherwise.
func (k *Keeper) change() {
	close(k.changed)
	k.changed = make(chan struct{})
}

// Stand gives a resource as Envoy is to have it now.
func (k *Keeper) Stand(r *discoveryv3.Resource) (*discoveryv3.Resource, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return each(r, func(p plugin, c *wasmv3.PluginConfig) *anypb.Any {
		if decision := k.decide(p); decision != "" {
			return standIn(p, decision)
		}
		if v := k.vms[vmKey(p)]; v != nil {
			c.GetVmConfig().VmId = model.VMGeneration(p.vm, v.generation)
		}
		return nil
	})
}

// decide says why a filter does not run; "": it does.
func (k *Keeper) decide(p plugin) string {
	switch v := k.vms[vmKey(p)]; {
	case p.digest == "":
		return ""
	case k.takenOut[p.identity()] != nil, slices.Contains(k.run.back, p.digest), v != nil && v.resting:
		return decisionOut
	case !k.o.Has(p.digest):
		return decisionMissing
	case k.without(p) != "":
		return decisionSecret
	}
	return ""
}

// without is a secret that a filter is told and that has no value; "": there
// is none. The filter would refuse its configuration, and Envoy with it all
// that stands in the same slot.
func (k *Keeper) without(p plugin) string {
	for _, r := range p.secrets {
		if k.o.Secret != nil && !k.o.Secret(r) {
			return r.String()
		}
	}
	return ""
}

func vmKey(p plugin) string { return p.vm + " " + p.digest }

// Sent is called with what is on its way to Envoy, as it was kept.
func (k *Keeper) Sent(r *discoveryv3.Resource) {
	all, err := plugins(r)
	if err != nil {
		return // Stand said so
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(all) == 0 {
		delete(k.sent, r.GetName())
		return
	}
	k.sent[r.GetName()] = all
	for _, p := range all {
		k.meet(p)
		if k.vms[vmKey(p)] == nil {
			k.vms[vmKey(p)] = &vm{id: p.vm, digest: p.digest, pause: trapPause, back: holdPause, afresh: memoryPause, old: map[uint64]uint64{}}
		}
		if order := &k.run.loads.order; k.decide(p) == "" && !k.run.loaded[p.digest] && !slices.Contains(*order, p.digest) {
			*order = append(*order, p.digest)
		}
	}
}

// Removed is called with resources that Envoy has no more.
func (k *Keeper) Removed(names []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range names {
		delete(k.sent, name)
	}
}

// Took is called when Envoy answered resources: what it loaded for them is
// theirs.
func (k *Keeper) Took(names []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var fresh []string
	for _, name := range names {
		for _, p := range k.sent[name] {
			if slices.Contains(k.run.loads.order, p.digest) && !slices.Contains(fresh, p.digest) && k.decide(p) == "" {
				fresh = append(fresh, p.digest)
			}
		}
	}
	if len(fresh) == 0 || k.run.pid == 0 {
		return
	}
	k.look()
	k.run.regions = append(k.run.regions, k.run.loads.answered(fresh)...)
	for _, digest := range fresh {
		k.run.loaded[digest] = true
	}
}

// Lacks is called with a module that could not be had, and why.
func (k *Keeper) Lacks(digest, reason string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.lacks[digest]
	if l.since.IsZero() {
		l.since = time.Now()
	}
	if reason != "" || l.reason == "" {
		l.reason = cmp.Or(reason, "its module did not come in time")
	}
	k.lacks[digest] = l
}

// Arrived is called when modules came.
func (k *Keeper) Arrived(digests []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, digest := range digests {
		delete(k.lacks, digest)
	}
	k.change()
}
