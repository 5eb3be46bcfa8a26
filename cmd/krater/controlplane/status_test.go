package controlplane

import (
	"strings"
	"testing"
)

func client(states ...State) ClientStatus {
	c := ClientStatus{ID: "default/reviews-v1", Connected: true, Types: map[string]TypeStatus{}}
	for i, s := range states {
		c.Types[[]string{"CDS", "LDS", "ECDS"}[i]] = TypeStatus{State: s, Detail: "because"}
	}
	return c
}

func TestAClientIsAsGoodAsItsWorstType(t *testing.T) {
	for _, c := range []struct {
		name string
		in   ClientStatus
		want State
	}{
		{"all synced", client(Synced, Synced), Synced},
		{"one stale", client(Synced, Stale), Stale},
		{"one refused", client(Stale, Nack, Synced), Nack},
		{"nothing asked for yet", client(), Disconnected},
		{"gone", ClientStatus{Types: client(Synced).Types}, Disconnected},
	} {
		if got := c.in.State(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWaitingNamesWhoAndWhy(t *testing.T) {
	s := Status{Proxies: []ClientStatus{client(Synced), client(Nack)}, Daemons: []ClientStatus{client(Synced)}}
	if s.Synced() {
		t.Error("a refused proxy is synced")
	}
	if got := s.Waiting(); !strings.Contains(got, "default/reviews-v1 is NACK (CDS: because)") {
		t.Errorf("Waiting says %q", got)
	}
	s.Proxies = s.Proxies[:1]
	if !s.Synced() {
		t.Errorf("all are synced, and it waits for %q", s.Waiting())
	}
}
