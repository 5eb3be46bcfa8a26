package controlplane

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/model"
)

// Token is one that was made for a workload or a group.
type Token struct {
	Token   string    `json:"token,omitempty"` // a secret
	Subject string    `json:"subject"`
	Account string    `json:"serviceAccount"`
	Expires time.Time `json:"expires"`
	Note    string    `json:"note,omitempty"` // what its maker should know
}

// The steps of a rotation of the root.
const (
	Prepare = "prepare"
	Promote = "promote"
	Retire  = "retire"
)

// authorityAPI is the part of the admin API for the certificate authority:
// whoever may open the socket may say who is who.
func (c *ControlPlane) authorityAPI(mux *http.ServeMux) {
	mux.HandleFunc("GET /ca/status", func(w http.ResponseWriter, _ *http.Request) { c.writeJSON(w, c.authority.Status()) })
	mux.HandleFunc("GET /ca/roots", func(w http.ResponseWriter, _ *http.Request) { c.writeJSON(w, string(c.authority.Bundle().PEM())) })
	mux.HandleFunc("POST /ca/token", func(w http.ResponseWriter, r *http.Request) {
		var g authority.Grant
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&g)
		var t Token
		if err == nil {
			t, err = c.mint(g)
		}
		c.answer(w, t, err)
	})
	for step, do := range map[string]func(*http.Request) error{
		Prepare: func(*http.Request) error { return c.authority.Prepare() },
		Promote: func(*http.Request) error { return c.authority.Promote() },
		Retire:  func(r *http.Request) error { return c.authority.Retire(r.URL.Query().Get("force") == "true") },
	} {
		mux.HandleFunc("POST /ca/"+step, func(w http.ResponseWriter, r *http.Request) {
			err := do(r)
			c.answer(w, c.authority.Status(), err)
		})
	}
}

// answer writes a value, or why there is none, for whoever typed the command.
func (c *ControlPlane) answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	c.writeJSON(w, v)
}

// mint makes a token. The service account is the one that is declared: another
// one's certificate would be refused later, where it is harder to see why.
func (c *ControlPlane) mint(g authority.Grant) (Token, error) {
	account, declared := accountOf(c.now().snapshot, g)
	note := ""
	switch {
	case !declared:
		note = fmt.Sprintf("nothing in the mesh declares the %s: until something does, the token gets no certificate", g.Subject())
	case g.ServiceAccount == "":
		g.ServiceAccount = account
	case g.ServiceAccount != account:
		return Token{}, fmt.Errorf("the %s is declared with the service account %s, not %s", g.Subject(), account, g.ServiceAccount)
	}
	if g.ServiceAccount == "" {
		g.ServiceAccount = model.DefaultServiceAccount
	}
	text, expires, err := c.authority.Mint(g)
	if err != nil {
		return Token{}, err
	}
	return Token{text, g.Subject(), g.ServiceAccount, expires, note}, nil
}

// accountOf is the service account that a snapshot declares for a workload or
// a group.
func accountOf(s *model.Snapshot, g authority.Grant) (string, bool) {
	if of, name, _ := strings.Cut(g.Workload, "/"); of == identity.SystemNamespace && (name == identity.Policyd || name == identity.Collector) {
		return name, true // Krater's own, on a machine of their own
	}
	if g.Group != "" {
		for _, group := range s.Groups {
			if group.Object.Namespace+"/"+group.Object.Name == g.Group {
				return model.Workload{ServiceAccount: group.Template.ServiceAccount}.Identity("").ServiceAccount, true
			}
		}
		return "", false
	}
	for _, w := range s.Workloads {
		if w.ID() == g.Workload {
			return w.Identity("").ServiceAccount, true
		}
	}
	return "", false
}
