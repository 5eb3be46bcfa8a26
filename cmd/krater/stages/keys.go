package stages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/fetch"
	"github.com/krater-mesh/krater/model"
)

// openFetched makes the store of what is at URLs. changed is told when
// something else is there; nil: each is waited for, and looked at once.
func openFetched(stateDir string, changed func()) *fetch.Store {
	o := fetch.Options{Changed: changed}
	if stateDir != "" {
		o.Dir = filepath.Join(stateDir, "fetched")
	}
	return fetch.New(o)
}

// keysTimeout is Istio's, where a rule does not say.
const keysTimeout = 5 * time.Second

// resolveKeys gives the keys that are served, or were when they last were any
// good.
func (s *Stages) resolveKeys(r store.KeysRequest) store.KeysAnswer {
	url, late := r.URL, error(nil)
	if r.Discovery {
		a := s.fetch(r, url, "openid-configuration", func(b []byte) error { _, err := keysURI(b); return err })
		if a.Body == nil {
			return store.KeysAnswer{Pending: a.Pending, Message: message(a.Err)}
		}
		url, _ = keysURI(a.Body) // it was checked
		late = a.Err
	}
	a := s.fetch(r, url, "jwks", func(b []byte) error { _, err := crds.ReadKeySet(b); return err })
	out := store.KeysAnswer{Pending: a.Pending, Message: message(errors.Join(late, a.Err))}
	if a.Body != nil {
		set, err := crds.ReadKeySet(a.Body)
		if err != nil { // it was checked
			return store.KeysAnswer{Message: err.Error()}
		}
		out.Keys, out.Left = set.Keys, set.Left
	}
	return out
}

func (s *Stages) fetch(r store.KeysRequest, url, kind string, check func([]byte) error) fetch.Answer {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = keysTimeout
	}
	return s.fetched.Get(context.Background(), fetch.Request{URL: url, Kind: kind, Check: check, Policy: r.Policy,
		Accept: "application/json, */*;q=0.1", MaxBytes: crds.MaxKeySetBytes, Timeout: timeout})
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// keysURI is where an issuer's configuration says that its keys are.
func keysURI(b []byte) (string, error) {
	var doc struct {
		URI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return "", errors.New("the issuer's configuration is no JSON")
	}
	if doc.URI == "" {
		return "", errors.New("the issuer's configuration does not say where its keys are (jwks_uri)")
	}
	if err := model.CheckFetchURL(doc.URI); err != nil {
		return "", fmt.Errorf("the issuer's configuration: jwks_uri: %w", err)
	}
	return doc.URI, nil
}
