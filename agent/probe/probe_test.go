package probe

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

func TestThresholdsCountAnswersInARow(t *testing.T) {
	p := &model.Probe{SuccessThreshold: 2, FailureThreshold: 3}
	var got strings.Builder
	var c tally
	for _, answer := range "++-+--+---++-+---+-++" {
		switch changed := c.add(answer == '+', p); {
		case !changed:
			got.WriteByte('.')
		case answer == '+':
			got.WriteByte('W')
		default:
			got.WriteByte('U')
		}
	}
	if want := ".W.......U.W....U...W"; got.String() != want {
		t.Errorf("%s, want %s", got.String(), want)
	}
}

// heard collects reports.
type heard struct {
	mu   sync.Mutex
	list []string
	more chan struct{}
}

func (h *heard) report(healthy bool, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, strings.TrimSpace(strconv.FormatBool(healthy)+" "+why))
	select {
	case h.more <- struct{}{}:
	default:
	}
}

func (h *heard) until(t *testing.T, want ...string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		h.mu.Lock()
		got := slices.Clone(h.list)
		h.mu.Unlock()
		if slices.Equal(got, want) {
			return
		}
		select {
		case <-h.more:
		case <-deadline:
			t.Fatalf("heard %q, want %q", got, want)
		}
	}
}

func start(t *testing.T, o Options) (*Prober, *heard) {
	t.Helper()
	h := &heard{more: make(chan struct{}, 1)}
	o.Report = h.report
	p := New(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return p, h
}

func every(period time.Duration, p model.Probe) *model.Probe {
	p.Period, p.Timeout, p.SuccessThreshold, p.FailureThreshold = model.Duration(period), model.Duration(5*time.Second), 1, 1
	return &p
}

func TestWhatIsReported(t *testing.T) {
	p, h := start(t, Options{})
	server := listen(t)
	p.Set(every(5*time.Millisecond, model.Probe{TCP: &model.ProbeTCP{Host: "127.0.0.1", Port: server.port}}))
	h.until(t, "true")
	server.close()
	h.until(t, "true", "false dial: connect: connection refused")
	server.open(t)
	h.until(t, "true", "false dial: connect: connection refused", "true")
}

// TestAnEditKeepsWhatIsKnown: the same answer to another question is no news.
func TestAnEditKeepsWhatIsKnown(t *testing.T) {
	p, h := start(t, Options{})
	server := listen(t)
	good := every(time.Millisecond, model.Probe{TCP: &model.ProbeTCP{Host: "127.0.0.1", Port: server.port}})
	p.Set(good)
	h.until(t, "true")
	other := *good
	other.Period *= 2
	p.Set(&other)
	p.Set(every(time.Millisecond, model.Probe{Exec: []string{"true"}}))
	h.until(t, "true", "false "+errNoExec.Error())
	p.Set(nil)
	h.until(t, "true", "false "+errNoExec.Error(), "true")
}

func TestWithoutAProbeAnApplicationIsWell(t *testing.T) {
	p, h := start(t, Options{})
	p.Set(nil)
	h.until(t, "true")
}

func TestTheFirstQuestionWaits(t *testing.T) {
	p, h := start(t, Options{AllowExec: true})
	probe := every(time.Millisecond, model.Probe{Exec: []string{"true"}})
	probe.InitialDelay = model.Duration(150 * time.Millisecond)
	began := time.Now()
	p.Set(probe)
	h.until(t, "true")
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("asked after %s", took)
	}
}
