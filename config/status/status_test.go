package status_test

import (
	"slices"
	"testing"
	"time"

	"github.com/krater-mesh/krater/config/status"
	"github.com/krater-mesh/krater/model"
)

func snapshot(hosts ...string) *model.Snapshot {
	s := &model.Snapshot{}
	for _, h := range hosts {
		s.Destinations = append(s.Destinations, &model.DestinationPolicy{Object: model.Ref{Kind: "DestinationRule", Namespace: "n", Name: h[:1]}, Host: h})
	}
	s.Seal()
	return s
}

func TestRecordNamesWhatChanged(t *testing.T) {
	s := status.New(10)
	at := time.Unix(1, 0)
	for _, step := range []struct {
		snap *model.Snapshot
		want []string
	}{
		{snapshot("a", "b"), []string{"DestinationRule n/a", "DestinationRule n/b"}},
		{snapshot("a2", "b"), []string{"DestinationRule n/a"}},
		{snapshot("b"), []string{"DestinationRule n/a"}},
		{snapshot("b", "c"), []string{"DestinationRule n/c"}},
	} {
		if c := s.Record(at, step.snap, nil); !slices.Equal(c.Objects, step.want) || c.Version != step.snap.Version {
			t.Errorf("%+v, want %v", c, step.want)
		}
	}
	if n := len(s.History()); n != 4 {
		t.Errorf("%d snapshots", n)
	}
	s.Record(at.Add(time.Hour), snapshot("b", "c"), model.Problems{{Code: "X"}})
	if n := len(s.History()); n != 4 {
		t.Errorf("an unchanged snapshot is remembered: %d", n)
	}
	if ps := s.Problems(); len(ps) != 1 || ps[0].Code != "X" {
		t.Errorf("%v", ps)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	s := status.New(2)
	first, second, third := snapshot("a"), snapshot("b"), snapshot("c")
	for _, snap := range []*model.Snapshot{first, second, first, third} {
		s.Record(time.Unix(1, 0), snap, nil)
	}
	var got []string
	for _, c := range s.History() {
		got = append(got, c.Version)
	}
	if !slices.Equal(got, []string{third.Version, first.Version}) {
		t.Errorf("history %v", got)
	}
	for _, c := range []struct {
		snap *model.Snapshot
		held bool
	}{{first, true}, {second, false}, {third, true}} {
		if _, ok := s.Snapshot(c.snap.Version); ok != c.held {
			t.Errorf("%s held: %v", c.snap.Version, ok)
		}
	}
}

func TestWithPolicySetFindsTheSnapshot(t *testing.T) {
	s := status.New(5)
	first, second := snapshot("a"), snapshot("b")
	s.Record(time.Unix(1, 0), first, nil)
	s.NotePolicySets(first.Version, "p1", "p2", "p1")
	s.Record(time.Unix(2, 0), second, nil)
	s.NotePolicySets(second.Version, "p2")
	if got := s.WithPolicySet("p1"); len(got) != 1 || got[0].Version != first.Version {
		t.Errorf("%+v", got)
	}
	if got := s.WithPolicySet("p2"); len(got) != 2 || got[0].Version != second.Version {
		t.Errorf("%+v", got)
	}
	if got := s.WithPolicySet("none"); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}
