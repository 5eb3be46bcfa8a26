package controlplane

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const (
	// slowPush is from when on a push is worth telling: a configuration alone
	// takes a proxy some milliseconds.
	slowPush  = 100 * time.Millisecond
	keptLoads = 5
)

// Load is a push of filters that kept a proxy's main thread, which takes all
// configuration, for a while: the first time with a module's code above all.
type Load struct {
	At        time.Time      `json:"at"` // of its acknowledgement, or refusal
	Resources []string       `json:"resources"`
	Preload   bool           `json:"preload,omitempty"` // nothing used the code yet
	Took      model.Duration `json:"took"`              // from sending it
	// Delayed is how long the push that waited longest was held up by it.
	Delayed model.Duration `json:"delayed,omitempty"`
}

// loads measures them from what the server sees.
type loads struct {
	took, delayed metric.Float64Histogram

	mu    sync.Mutex
	nodes map[string][]Load // the newest last
}

func newLoads() *loads {
	l := &loads{nodes: map[string][]Load{}}
	m := otel.Meter("krater/controlplane")
	// The instruments' names and units are constants: they cannot be refused.
	l.took, _ = m.Float64Histogram("krater.xds.load.duration", metric.WithUnit("s"), durations,
		metric.WithDescription("From sending filters that keep a proxy busy to their acknowledgement"))
	l.delayed, _ = m.Float64Histogram("krater.xds.delayed.duration", metric.WithUnit("s"), durations,
		metric.WithDescription("How long another push was held up by such filters"))
	return l
}

// observe takes in what happened on a proxy's stream.
func (l *loads) observe(e serve.Event) {
	switch e.Kind {
	case serve.EventAcked, serve.EventNacked:
		if e.Type == serve.TypeExtensionConfig && len(e.Names) > 0 && e.Duration >= slowPush {
			l.add(e)
			return
		}
		l.held(e.Node, e.At.Add(-e.Duration), e.At)
	case serve.EventSettled:
		for _, cause := range e.Causes {
			l.held(e.Node, cause.At, e.At)
		}
	case serve.EventDisconnected:
		l.mu.Lock()
		delete(l.nodes, e.Node)
		l.mu.Unlock()
	}
}

func (l *loads) add(e serve.Event) {
	load := Load{At: e.At, Resources: e.Names, Preload: slices.Contains(e.Names, translate.PreloadSlot), Took: model.Duration(e.Duration)}
	l.took.Record(context.Background(), e.Duration.Seconds(), metric.WithAttributes(
		attribute.String("krater.proxy", e.Node), attribute.Bool("krater.preload", load.Preload)))
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.nodes[e.Node]
	if len(list) == keptLoads {
		list = list[1:]
	}
	l.nodes[e.Node] = append(slices.Clip(list), load)
}

// held notes a push that began to wait while a load was under way. What the
// load itself came with began before.
func (l *loads) held(node string, from, to time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.nodes[node]
	if len(list) == 0 {
		return
	}
	last := &list[len(list)-1]
	if sent := last.At.Add(-last.Took.Std()); !from.After(sent) || !from.Before(last.At) {
		return
	}
	by := last.At
	if to.Before(by) {
		by = to
	}
	if d := model.Duration(by.Sub(from)); d > 0 {
		l.delayed.Record(context.Background(), d.Std().Seconds(), metric.WithAttributes(attribute.String("krater.proxy", node)))
		last.Delayed = max(last.Delayed, d)
	}
}

// of are the loads of a proxy, the newest last.
func (l *loads) of(node string) []Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.nodes[node])
}

// observe takes in what happens between the server and a proxy.
func (c *ControlPlane) observe(e serve.Event) {
	c.edits.observe(e)
	c.loads.observe(e)
	if (e.Kind == serve.EventAcked || e.Kind == serve.EventNacked) && slices.Contains(e.Names, translate.PreloadSlot) {
		select {
		case c.answered <- struct{}{}:
		default:
		}
	}
}
