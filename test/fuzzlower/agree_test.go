package fuzzlower

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// campaign is one run of the fuzzer. A lowerer is held to what OPA says.
type campaign struct {
	t     *testing.T
	seed  uint64
	lower func(model.RegoPolicy) *model.Lowered
	next  int // of the drawers

	policies, trials, wire, refused int
	// native are verdicts of the reference evaluator, wired those of the Envoy:
	// how many allow, deny and ask.
	native, wired map[model.Verdict]int
	found         []string
	told          time.Time
}

func newCampaign(t *testing.T) *campaign {
	return &campaign{t: t, seed: uint64(number(t, "KRATER_SEED", 1)), lower: Lower, native: map[model.Verdict]int{}, wired: map[model.Verdict]int{}, told: time.Now()}
}

// candidate is a drawn policy that compiles, and what became of it.
type candidate struct {
	draw     int
	drawn    Policy
	model    model.RegoPolicy
	compiled *rego.Policy
}

// policy draws until something compiles.
func (c *campaign) policy() candidate {
	for {
		c.next++
		p := New(c.seed, c.next).Policy()
		if out, ok := c.ready(p); ok {
			c.policies++
			out.draw = c.next
			return out
		}
	}
}

func (c *campaign) ready(p Policy) (candidate, bool) {
	m := p.Model("p")
	compiled, _ := rego.Compile(m)
	if compiled == nil {
		return candidate{}, false
	}
	m.Lowered = c.lower(m)
	return candidate{drawn: p, model: m, compiled: compiled}, true
}

// offline holds the reference evaluator to OPA, without a proxy.
func (c *campaign) offline(policies, requests int) {
	for range policies {
		p := c.policy()
		d := New(c.seed+1<<32, p.draw)
		for range requests {
			r := d.Request(p.drawn.Atoms)
			verdict, why, ok := c.holds(p, r)
			if !ok {
				c.refused++
				continue
			}
			c.trials++
			c.native[verdict]++
			if why != "" {
				c.report(p, r, why)
				break
			}
		}
		c.progress()
	}
}

// holds compares one request; why is "" where both agree.
func (c *campaign) holds(p candidate, r Request) (verdict model.Verdict, why string, ok bool) {
	v, ok := r.Received()
	if !ok {
		return "", "", false
	}
	verdict, native := ByLowered(p.model.Lowered, r, v)
	opa, _ := ByOPA(p.compiled, r)
	return verdict, Differs(verdict, native, opa), true
}

// report shrinks a disagreement, and prints it as a case.
func (c *campaign) report(p candidate, r Request, why string) {
	p, r = c.shrink(p, r)
	_, smaller, _ := c.holds(p, r)
	opa, _ := ByOPA(p.compiled, r)
	c.tell(p, r, fmt.Sprintf("%s (smaller: %s)", why, smaller), opa)
}

func (c *campaign) tell(p candidate, r Request, why string, opa rego.Answer) {
	c.found = append(c.found, why)
	c.t.Errorf("seed %d, draw %d: %s\n%s\nlowered: %s", c.seed, p.draw, why, CaseFile(p.drawn, r, opa), asJSON(p.model.Lowered))
	if len(c.found) >= number(c.t, "KRATER_FOUND", 5) {
		c.t.FailNow() // one cause has many cases
	}
}

// shrink makes both smaller as long as they disagree.
func (c *campaign) shrink(p candidate, r Request) (candidate, Request) {
	fails := func(p candidate, r Request) bool { _, why, ok := c.holds(p, r); return ok && why != "" }
	for again, tries := true, 1500; again; {
		again = false
		for _, less := range p.drawn.Smaller() {
			if tries--; tries < 0 {
				return p, r
			}
			if q, ok := c.ready(less); ok && fails(q, r) {
				q.draw = p.draw
				p, again = q, true
				break
			}
		}
		for _, less := range r.Smaller() {
			if fails(p, less) {
				r, again = less, true
				break
			}
		}
	}
	return p, r
}

func (c *campaign) progress() {
	if time.Since(c.told) < 5*time.Second {
		return
	}
	c.told = time.Now()
	fmt.Fprintf(os.Stderr, "fuzz-lower: %d policies, %d trials, %d of them through Envoy, %d disagreements\n", c.policies, c.trials+c.wire, c.wire, len(c.found))
}

// shares are how many of a hundred are allowed, denied and asked.
func shares(of map[model.Verdict]int) (allow, deny, ask float64) {
	all := max(of[model.VerdictAllow]+of[model.VerdictDeny]+of[model.VerdictAsk], 1)
	share := func(v model.Verdict) float64 { return 100 * float64(of[v]) / float64(all) }
	return share(model.VerdictAllow), share(model.VerdictDeny), share(model.VerdictAsk)
}

func (c *campaign) figures() []figure {
	allow, deny, ask := shares(c.native)
	wallow, wdeny, wask := shares(c.wired)
	return []figure{
		{"fuzz-lower", "native allow, by the reference evaluator", allow, "%", "-", true},
		{"fuzz-lower", "native deny, by the reference evaluator", deny, "%", "-", true},
		{"fuzz-lower", "ask, by the reference evaluator", ask, "%", "-", true},
		atLeast("native, by the reference evaluator", allow+deny, 60, "%"),
		{"fuzz-lower", "native allow, in Envoy", wallow, "%", "-", true},
		{"fuzz-lower", "native deny, in Envoy", wdeny, "%", "-", true},
		{"fuzz-lower", "ask, in Envoy", wask, "%", "-", true},
		atLeast("native, in Envoy", wallow+wdeny, 60, "%"),
		atMost("disagreements", float64(len(c.found)), 0, ""),
	}
}

// TestLoweringAgreesOffline is what seeded bugs of lowering must fail.
func TestLoweringAgreesOffline(t *testing.T) {
	c := newCampaign(t)
	c.offline(number(t, "KRATER_POLICIES", 400), 25)
	t.Logf("%d policies, %d trials: %v", c.policies, c.trials, c.native)
}

// TestALowererThatAlwaysAsksFails: nothing can disagree with it.
func TestALowererThatAlwaysAsksFails(t *testing.T) {
	c := newCampaign(t)
	c.lower = func(model.RegoPolicy) *model.Lowered { return &model.Lowered{Stops: []model.Stop{{Why: "it is lazy"}}} }
	c.offline(40, 20)
	for _, f := range c.figures() {
		if f.Figure == "native, by the reference evaluator" && f.Met {
			t.Errorf("%v%% are native, and nothing was lowered", f.Value)
		}
	}
	if len(c.found) > 0 {
		t.Errorf("asking disagrees: %v", c.found)
	}
}

// TestLoweringAgrees draws policies and requests, and holds the lowered rules,
// by their reference evaluator and in a real Envoy, to OPA. A disagreement is a
// security bug. `make fuzz-lower` draws more.
func TestLoweringAgrees(t *testing.T) {
	c, began := newCampaign(t), time.Now()
	long := number(t, "KRATER_TRIALS", 0)
	policies, units, requests := 100, 60, 50
	if long > 0 {
		policies, units, requests = 350, 250, max(long/2/250, 1)
	}
	c.offline(policies, max(long/2, 5000)/policies+1)
	offline := time.Since(began)
	c.throughEnvoy(units, requests)
	figures := c.figures()
	if long > 0 {
		figures = append(figures, atLeast("policies", float64(c.policies), 500, ""), atLeast("trials", float64(c.trials+c.wire), 100000, ""),
			atLeast("trials through Envoy", float64(c.wire), 50000, ""))
	}
	var text strings.Builder
	report(t, &text, figures)
	t.Logf("%d policies, %d trials in %s and %d through Envoy in %s, %d requests that a proxy refuses\n%s", c.policies, c.trials,
		offline.Round(time.Second), c.wire, (time.Since(began) - offline).Round(time.Second), c.refused, &text)
}
