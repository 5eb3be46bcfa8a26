package store

import (
	"fmt"
	"time"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// KeysRequest asks for the key set of an issuer's tokens.
type KeysRequest struct {
	URL       string
	Discovery bool // URL is a configuration that says where the keys are
	Timeout   time.Duration
	Policy    *model.FetchPolicy
}

// KeysAnswer is what is to be had.
type KeysAnswer struct {
	Keys    string   // public keys; the last that were good; "": none ever came
	Left    []string // what was left out of them
	Pending bool     // it is not known yet what comes
	Message string   // why there are none, or none newer
}

// keys is what came of asking for the key sets of an object's rules.
type keys struct {
	asked   *crds.Entry // before the keys were known
	answers []KeysAnswer
	with    crds.Entry // once they were
}

var _ brought = (*keys)(nil)

// keysOf asks for the key sets of an entry's rules, and puts them there; nil:
// it needs none.
func (h Hooks) keysOf(e *crds.Entry) brought {
	a := e.Content.RequestAuthentication
	if a == nil || h.ResolveKeys == nil || len(a.Keyless()) == 0 {
		return nil
	}
	asked := *e
	k := &keys{asked: &asked, answers: make([]KeysAnswer, len(a.Rules))}
	resolved := *a
	resolved.Rules = append([]model.JWTRule(nil), a.Rules...)
	for i := range resolved.Rules {
		r := &resolved.Rules[i]
		if r.KeysURL == "" {
			continue
		}
		if h.around.lost {
			k.answers[i] = KeysAnswer{Message: "what the mesh allows to be fetched cannot be read: mend the Mesh first"}
			continue
		}
		k.answers[i] = h.ResolveKeys(KeysRequest{URL: r.KeysURL, Discovery: r.Discovery, Timeout: time.Duration(r.Timeout), Policy: h.around.fetch})
		r.Keys = k.answers[i].Keys
	}
	e.Content.RequestAuthentication = &resolved
	e.Version = model.Hash(e.Content)
	k.with = *e
	return k
}

// there tells whether all keys are.
func (k *keys) there() bool { return len(k.with.Content.RequestAuthentication.Keyless()) == 0 }

// standIn is the object with the keys that are there: tokens of the others are
// refused. The last good version, if there is one, comes before it.
func (k *keys) standIn() *crds.Entry {
	if k.there() {
		return nil
	}
	e := k.with
	return &e
}

func (k *keys) again(h Hooks) brought {
	e := *k.asked
	return h.keysOf(&e)
}

func (k *keys) same(other brought) bool {
	o, is := other.(*keys)
	if !is || len(o.answers) != len(k.answers) {
		return false
	}
	for i, a := range k.answers {
		b := o.answers[i]
		if a.Keys != b.Keys || a.Pending != b.Pending || a.Message != b.Message || fmt.Sprint(a.Left) != fmt.Sprint(b.Left) {
			return false
		}
	}
	return true
}

// problems are what there is to tell of the key sets.
func (k *keys) problems() model.Problems {
	var out model.Problems
	for i, r := range k.asked.Content.RequestAuthentication.Rules {
		a := k.answers[i]
		field := fmt.Sprintf("spec.jwtRules[%d].jwksUri", i)
		if r.Discovery {
			field = fmt.Sprintf("spec.jwtRules[%d].issuer", i)
		}
		add := func(severity model.Severity, fix, format string, args ...any) {
			out = append(out, model.Problem{Code: model.CodeKeys, Severity: severity, Object: k.asked.Ref, Field: field, Origin: k.asked.At(field),
				Message: fmt.Sprintf("the keys of the issuer %s: ", r.Issuer) + fmt.Sprintf(format, args...), Fix: fix})
		}
		switch {
		case r.KeysURL == "":
		case a.Keys == "" && a.Pending:
			add(model.Info, "", "they are being fetched; until they are there its tokens are refused")
		case a.Keys == "":
			add(model.Error, "mend what serves them, or allow it by the Mesh's spec.fetch", "none ever came, and its tokens are refused: %s", a.Message)
		case a.Message != "":
			add(model.Warning, "mend what serves them", "none newer came, and the last good ones stay: %s", a.Message)
		}
		for _, what := range a.Left {
			add(model.Warning, "publish public keys of tokens' signatures only", "%s", what)
		}
	}
	return out
}
