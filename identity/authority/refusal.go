package authority

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Refusal is a request that got no certificate: who asked, from where, for
// what, and why not. A token is never in it.
type Refusal struct {
	At      time.Time `json:"at"`
	Asker   string    `json:"asker"`            // "workload:NS/NAME", "group:NS/NAME", a SPIFFE ID, or "nobody" (not authenticated)
	Address string    `json:"address"`          // of its end of the connection
	Wanted  string    `json:"wanted,omitempty"` // what the CSR named
	Kind    Kind      `json:"kind"`
	Reason  string    `json:"reason"`
}

// Kind is why a request was refused.
type Kind string

// The kinds of refusals.
const (
	NotAuthenticated Kind = "not-authenticated"
	OtherIdentity    Kind = "other-identity"
	TokenUsed        Kind = "token-used"
	NameTaken        Kind = "name-taken"
	BadRequest       Kind = "bad-request"
	NotPermitted     Kind = "not-permitted"
	TooOften         Kind = "too-often"
	Failed           Kind = "failed" // the authority itself could not
)

// Problem is the refusal as the mesh's status shows it.
func (r Refusal) Problem() model.Problem {
	p := model.Problem{
		Code: model.CodeNoCertificate, Severity: model.Warning,
		Message: fmt.Sprintf("%s: %s asked for a certificate from %s at %s, and was refused: %s",
			r.Kind, r.Asker, r.Address, r.At.UTC().Format(time.RFC3339), r.Reason),
	}
	if r.Wanted != "" {
		p.Message += "; its CSR names " + r.Wanted
	}
	switch r.Kind {
	case NotAuthenticated, TokenUsed:
		p.Fix = "give its agent a new token: krater token create"
	case OtherIdentity:
		p.Fix = "find out who sent it: a workload's token asked to be somebody else"
	case Failed:
		p.Severity = model.Error
	}
	return p
}

// keptRefusals is how many are remembered.
const keptRefusals = 64

// refusals are the newest ones.
type refusals struct {
	mu   sync.Mutex
	list []Refusal
}

func (l *refusals) add(r Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.list = append(l.list, r); len(l.list) > keptRefusals {
		l.list = slices.Delete(l.list, 0, len(l.list)-keptRefusals)
	}
}

// Refusals are the newest requests that were refused, the oldest first.
func (a *Authority) Refusals() []Refusal {
	a.refusals.mu.Lock()
	defer a.refusals.mu.Unlock()
	return slices.Clone(a.refusals.list)
}
