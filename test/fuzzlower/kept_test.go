package fuzzlower

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
)

// swapped is a policy in two versions, and requests with the whole answers
// that each version gives where it is asked.
type swapped struct {
	versions [2]model.RegoPolicy
	requests []Request
	want     [2][]string
}

// keepable draws policies whose answers may be kept: they are asked, and what
// they read is known.
func (c *campaign) keepable() swapped {
	for {
		p := c.policy()
		d := New(c.seed+4<<32, p.draw)
		less := p.drawn.Smaller()
		other, ok := c.ready(less[d.IntN(len(less))])
		if !ok {
			continue
		}
		out := swapped{versions: [2]model.RegoPolicy{p.model, other.model}}
		kept := true
		for i := range out.versions {
			v := &out.versions[i]
			v.Object.Name, v.Lower, v.Cache = "p", model.LowerNever, model.CacheTimes{Allow: 60e9, Deny: 60e9}
			v.Lowered = Lower(*v)
			_, why := model.DecisionKeyOf([]model.RegoPolicy{*v})
			kept = kept && why == ""
		}
		if !kept {
			continue
		}
		atoms := p.drawn.Atoms
		for range 25 {
			out.requests = append(out.requests, d.Request(atoms))
		}
		return out
	}
}

// TestKeptAnswersAreThoseOfPolicyd sends requests to policies whose answers are
// kept, while their versions are swapped: each answer is the one that a
// version gives where it is asked, and outside of a swap the one in force.
func TestKeptAnswersAreThoseOfPolicyd(t *testing.T) {
	c, trials := newCampaign(t), number(t, "KRATER_KEPT", 3000)
	runner := envoyrunner.Start(t, harness.Builtin(t))
	list := make([]swapped, 8)
	for i := range list {
		list[i] = c.keepable()
	}
	publishKept(t, runner, list[:1], 0) // a first use of the module takes Envoy seconds
	publishKept(t, runner, list, 0)
	client := runner.Client()
	for i := range list {
		list[i].learn(t, client, i)
	}
	client.Close()
	var epoch, sent, hits, wrong atomic.Int64 // an odd epoch is a swap
	var open sync.WaitGroup
	for worker := range 3 {
		open.Add(1)
		go func() {
			defer open.Done()
			client, last, d := runner.Client(), int64(0), New(c.seed, worker)
			defer client.Close()
			for sent.Add(1) <= int64(trials) && wrong.Load() < 3 {
				before := epoch.Load()
				if before != last { // an open connection keeps what it began with
					client.Close()
					last = before
				}
				i := d.IntN(len(list))
				j := d.IntN(len(list[i].requests))
				got, err := client.Send(3*i, list[i].requests[j].Case())
				if len(got.Asked) == 0 {
					hits.Add(1)
				}
				have := keptAs(got, err)
				settled := before == epoch.Load() && before%2 == 0
				now := int(before / 2 % 2)
				if have == list[i].want[now][j] || !settled && have == list[i].want[1-now][j] {
					continue
				}
				wrong.Add(1)
				t.Errorf("epoch %d: %s\nwanted %s\nor in a swap %s\n%s\n%s\n%s", before, have, list[i].want[now][j], list[i].want[1-now][j],
					asJSON(list[i].requests[j].Case()), list[i].versions[now].Modules[0].Source, asJSON(list[i].versions[now].Lowered))
			}
		}()
	}
	swaps := 0
	for ; sent.Load() < int64(trials)*9/10; swaps++ {
		epoch.Add(1)
		publishKept(t, runner, list, (swaps+1)%2)
		epoch.Add(1)
		c.progress()
		mark := min(sent.Load()+int64(trials/20), int64(trials)) // a while of peace
		harness.Until(t, time.Minute, "requests", func() error {
			if sent.Load() < mark && wrong.Load() < 3 {
				return fmt.Errorf("%d of %d", sent.Load(), mark)
			}
			return nil
		})
		if wrong.Load() >= 3 {
			break
		}
	}
	open.Wait()
	t.Logf("%d requests, %d answered without policyd, %d swaps", trials, hits.Load(), swaps)
	if hits.Load() < int64(trials)/4 || swaps < 2 {
		t.Error("too little was kept, or swapped")
	}
}

// learn asks both versions about all requests.
func (s *swapped) learn(t *testing.T, client *envoyrunner.Client, i int) {
	t.Helper()
	for v := range s.versions {
		for _, r := range s.requests {
			got, err := client.Send(3*i+1+v, r.Case())
			s.want[v] = append(s.want[v], keptAs(got, err))
		}
	}
}

func keptAs(a envoyrunner.Answer, err error) string {
	if err != nil {
		return "no answer"
	}
	return seen(a)
}

// publishKept has each policy in one version, kept, and in both, asked.
func publishKept(t *testing.T, runner *envoyrunner.Runner, list []swapped, version int) {
	t.Helper()
	var units []envoyrunner.Unit
	for _, s := range list {
		units = append(units, envoyrunner.Unit{Rego: []model.RegoPolicy{s.versions[version]}})
		for _, v := range s.versions {
			v.Cache, v.Lowered = model.CacheTimes{}, nil
			units = append(units, envoyrunner.Unit{Rego: []model.RegoPolicy{v}})
		}
	}
	for _, p := range runner.Publish(units...) {
		if p.Severity == model.Error {
			t.Error(fmt.Errorf("publishing: %v", p))
		}
	}
}
