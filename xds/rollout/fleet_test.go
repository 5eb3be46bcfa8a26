package rollout_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/rollout"
)

// fleet is a mesh of proxies that behave as the version does which they have.
type fleet struct {
	now      time.Time
	book     *rollout.Book
	proxies  []*fake
	declared *model.FilterBinding
	inForce  *model.FilterBinding // what was declared at the last look
	versions map[string]behaviour // by configuration
	refuses  map[string]bool      // modules, by digest
	lossy    bool                 // nobody reports
}

// behaviour is what a version does to a proxy.
type behaviour struct {
	errors  float64 // of the requests
	slow    float64 // ms that each request takes more
	cpu     time.Duration
	memory  int64
	traps   bool
	failing bool
	over    bool      // it has more memory than it may
	since   time.Time // when that was seen; else now
}

// fake is a proxy.
type fake struct {
	w         model.Workload
	connected bool
	report    model.ProxyReport
	reports   []model.ProxyReport // of the last minute
	traps     int64
	has       map[string]bool // modules
	loadsFor  int             // how many looks it takes to load one
	looks     map[string]int
	rate      int64 // requests a second
	base      behaviour
}

var object = model.Ref{Kind: "Filter", Namespace: "default", Name: "f"}

func newFleet(n int) *fleet {
	f := &fleet{now: time.Unix(1_000_000, 0), book: &rollout.Book{}, versions: map[string]behaviour{}, refuses: map[string]bool{}}
	for i := range n {
		p := &fake{w: model.Workload{Namespace: "default", Name: fmt.Sprintf("p%d", i), Labels: map[string]string{"app": "a", "n": fmt.Sprint(i)}},
			connected: true, has: map[string]bool{}, looks: map[string]int{}, rate: 100, loadsFor: 2}
		p.report = model.ProxyReport{Started: f.now, Latency: buckets()}
		f.proxies = append(f.proxies, p)
	}
	return f
}

func buckets() []model.LatencyBucket {
	return []model.LatencyBucket{{UpTo: 1}, {UpTo: 5}, {UpTo: 10}, {UpTo: 50}, {UpTo: 100}, {UpTo: -1}}
}

// declare edits the filter. The module follows from the configuration's first
// letter: "a1" and "a2" are the same code.
func (f *fleet) declare(config string, r *model.Rollout) {
	f.declared = &model.FilterBinding{Object: object, Selector: model.Selector{Namespace: "default"}, Config: config, Rollout: r,
		Module: model.Module{Digest: "sha256:" + config[:1]}, Failure: model.FilterFailClosed}
}

func (f *fleet) input() rollout.Input {
	in := rollout.Input{Now: f.now}
	if f.declared != nil {
		in.Filters = []*model.FilterBinding{f.declared}
	}
	for _, p := range f.proxies {
		seen := rollout.Proxy{Workload: &p.w, Connected: p.connected, Code: func(digest string) rollout.Code { return f.code(p, digest) }}
		if p.connected && !f.lossy {
			r := p.report
			r.Latency = append([]model.LatencyBucket(nil), r.Latency...)
			seen.Report = &r
			seen.Earlier = &p.reports[0]
		}
		in.Proxies = append(in.Proxies, seen)
	}
	return in
}

// code is asked once each look while a proxy loads.
func (f *fleet) code(p *fake, digest string) rollout.Code {
	if f.refuses[digest] {
		return rollout.Code{Refused: "no such function"}
	}
	return rollout.Code{Loaded: p.has[digest]}
}

// look lets a second pass.
func (f *fleet) look() (changed bool) {
	f.now = f.now.Add(time.Second)
	for _, p := range f.proxies {
		p.live(f)
	}
	changed = f.book.Next(f.input())
	f.inForce = f.declared
	return changed
}

func (f *fleet) looks(n int) {
	for range n {
		f.look()
	}
}

// live is a second of a proxy with the version that it has.
func (p *fake) live(f *fleet) {
	if !p.connected {
		return
	}
	b := p.base
	p.report.Filters = nil
	if v := f.versionOf(p); v != nil {
		p.has[v.Module.Digest] = true
		mine := f.versions[v.Config]
		b.errors, b.slow, b.cpu, b.memory = b.errors+mine.errors, b.slow+mine.slow, b.cpu+mine.cpu, b.memory+mine.memory
		if mine.traps {
			p.traps++
		}
		state := model.FilterRunning
		if mine.failing {
			state = model.FilterFailing
		}
		report := model.FilterReport{Object: object.String(), Digest: v.Module.Digest, Traps: p.traps, State: state, OverMemory: mine.over}
		if mine.over {
			if report.Since = f.now; !mine.since.IsZero() {
				report.Since = mine.since
			}
		}
		p.report.Filters = []model.FilterReport{report}
	}
	for _, v := range f.loads(p) {
		if p.looks[v.Module.Digest]++; p.looks[v.Module.Digest] >= p.loadsFor && !f.refuses[v.Module.Digest] {
			p.has[v.Module.Digest] = true
		}
	}
	r := &p.report
	r.At = f.now
	r.Requests += p.rate
	r.Errors += int64(b.errors * float64(p.rate))
	r.CPU += model.Duration(p.rate) * model.Duration(50*time.Microsecond+b.cpu)
	r.Memory = 100<<20 + b.memory
	for i := range r.Latency {
		if ms := 2 + b.slow; r.Latency[i].UpTo < 0 || ms <= r.Latency[i].UpTo {
			r.Latency[i].Count += p.rate
		}
	}
	kept := *r
	kept.Latency = append([]model.LatencyBucket(nil), r.Latency...)
	if p.reports = append(p.reports, kept); len(p.reports) > 60 {
		p.reports = p.reports[1:]
	}
}

// versionOf is what a proxy has, as translation chooses it.
func (f *fleet) versionOf(p *fake) *model.FilterBinding {
	for _, s := range f.book.States() {
		return s.For(&p.w)
	}
	return f.inForce
}

func (f *fleet) loads(p *fake) []*model.FilterBinding {
	for _, s := range f.book.States() {
		return s.Loads(&p.w)
	}
	return nil
}

// having counts the proxies with a configuration.
func (f *fleet) having(config string) (n int) {
	for _, p := range f.proxies {
		if v := f.versionOf(p); v != nil && v.Config == config {
			n++
		}
	}
	return n
}

func (f *fleet) record() *rollout.Record { return f.book.Records[object.String()] }

// restart is what a control plane knows that comes back.
func (f *fleet) restart() {
	text, err := json.Marshal(f.book)
	if err != nil {
		panic(err)
	}
	f.book = &rollout.Book{}
	if err := json.Unmarshal(text, f.book); err != nil {
		panic(err)
	}
	if f.declared != nil { // read anew from its file
		again := *f.declared
		f.declared = &again
	}
}

func steps(pause time.Duration, percents ...float64) *model.Rollout {
	r := &model.Rollout{}
	for _, p := range percents {
		r.Steps = append(r.Steps, model.RolloutStep{Percent: p, Pause: model.Duration(pause)})
	}
	return r
}

func guarded(r *model.Rollout) *model.Rollout {
	ratio, times, traps := 0.02, 1.5, int64(0)
	r.Guards = model.Guards{MinRequests: 50, ErrorRatio: &ratio, LatencyP99: &times, CPU: &times, Memory: &times, Traps: &traps}
	return r
}
