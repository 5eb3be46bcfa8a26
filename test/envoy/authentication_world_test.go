package envoy_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
)

// issuer signs tokens, with a key of each kind.
type issuer struct {
	name string
	rsa  *rsa.PrivateKey
	ec   *ecdsa.PrivateKey
	ed   ed25519.PrivateKey
}

func newIssuer(t *testing.T, name string) *issuer {
	t.Helper()
	out := &issuer{name: name}
	var err error
	if out.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if out.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, out.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return out
}

// keys is its key set, as proxies get it.
func (i *issuer) keys(t *testing.T) string {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: i.rsa.Public(), KeyID: "rsa"}, {Key: i.ec.Public(), KeyID: "ec", Algorithm: "ES256"}, {Key: i.ed.Public(), KeyID: "ed", Algorithm: "EdDSA"}}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := crds.ReadKeySet(b)
	if err != nil {
		t.Fatal(err)
	}
	return set.Keys
}

// sign makes a token of a header and a payload, whatever they are.
func (i *issuer) sign(alg, header, payload string) string {
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	hash := crypto.SHA256
	switch {
	case strings.HasSuffix(alg, "384"):
		hash = crypto.SHA384
	case strings.HasSuffix(alg, "512"):
		hash = crypto.SHA512
	}
	h := hash.New()
	h.Write([]byte(text))
	sum := h.Sum(nil)
	var signature []byte
	switch alg[:2] {
	case "RS":
		signature, _ = rsa.SignPKCS1v15(rand.Reader, i.rsa, hash, sum)
	case "PS":
		signature, _ = rsa.SignPSS(rand.Reader, i.rsa, hash, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case "ES":
		r, s, _ := ecdsa.Sign(rand.Reader, i.ec, sum)
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "Ed":
		signature = ed25519.Sign(i.ed, []byte(text))
	case "HS": // with what everybody knows
		der, _ := x509.MarshalPKIXPublicKey(i.rsa.Public())
		m := hmac.New(sha256.New, der)
		m.Write([]byte(text))
		signature = m.Sum(nil)
	}
	return text + "." + encode(signature)
}

var kids = map[string]string{"RS": "rsa", "PS": "rsa", "ES": "ec", "Ed": "ed"}

// token signs claims; "iss", "sub" and "aud" are there where they are not given,
// and absent where they are nil.
func (i *issuer) token(alg string, claims map[string]any) string {
	all := map[string]any{"iss": i.name, "sub": "jane", "aud": "shop", "exp": time.Now().Add(time.Hour).Unix()}
	for k, v := range claims {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return i.sign(alg, fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"JWT"}`, alg, kids[alg[:2]]), string(b))
}

// tokenRequest is one that may have tokens.
type tokenRequest struct {
	name, method, path string
	headers            [][2]string
	hide               []string // texts of tokens
}

// tokenWorld is a gateway whose routes look at claims.
type tokenWorld struct {
	*world
	plane     *servePlane
	client    *http.Client
	published int
	tally     map[string]int
}

func newTokenWorld(t *testing.T) *tokenWorld {
	w := &tokenWorld{world: newWorld(t), client: client(newTransport()), tally: map[string]int{}}
	w.snap.Gateways = []*model.Gateway{{Object: model.Ref{Kind: "Gateway", Namespace: "default", Name: "gw"},
		Selector: model.Selector{Labels: map[string]string{"istio": "ingressgateway"}},
		Servers:  []model.GatewayServer{{Port: 80, Protocol: model.HTTP, Hosts: []string{"*"}, Namespaces: []string{""}}}}}
	exact := func(v string) model.StringMatch { return model.StringMatch{Kind: model.Exact, Value: v} }
	table := routeTable("tokens",
		model.HTTPRoute{Name: "admin", Matches: on(model.HTTPMatch{Claims: []model.ClaimMatch{{Path: []string{"role"}, Match: exact("admin")}}}), Destinations: []model.Destination{to("v2", 1)}},
		model.HTTPRoute{Name: "scope", Matches: on(model.HTTPMatch{Claims: []model.ClaimMatch{{Path: []string{"scope"}, Match: exact("write")}}}), Destinations: []model.Destination{to("v3", 1)}},
		model.HTTPRoute{Name: "rest", Destinations: []model.Destination{to("v1", 1)}})
	table.Hosts, table.Gateways = []string{"www.test"}, []string{"default/gw"}
	w.snap.Routes = []*model.RouteTable{table}
	w.plane, _ = translatePlane(t, w.resourcesOf("edge"))
	return w
}

// authenticate has the gateway verify tokens by these rules.
func (w *tokenWorld) authenticate(objects ...*model.RequestAuthentication) {
	w.t.Helper()
	for i, a := range objects {
		a.Object = model.Ref{Kind: "RequestAuthentication", Namespace: "istio-system", Name: fmt.Sprint("a", i)}
	}
	w.snap.RequestAuthentications = objects
	w.published++
	mark := w.plane.mark()
	w.plane.publish(fmt.Sprint("rules ", w.published), w.resourcesOf("edge").Set())
	if refused, _ := w.plane.since(mark, "nacked"); len(refused) > 0 {
		w.t.Fatalf("the proxy refuses: %+v", refused)
	}
	w.plane.forget()
}

// told is what comes of a request: status, Envoy's reason, and what an
// application is shown.
type told struct {
	status     int
	why        string
	who, path  string
	headers    map[string]string
	principals []string
}

func (a told) String() string {
	return fmt.Sprintf("%d %q, %s %s %v", a.status, a.why, a.who, a.path, a.headers)
}

// written are the headers that are compared.
var written = []string{"authorization", "x-token", "x-claims", "x-user", "x-unit", "x-n", "x-flag", "x-list", "x-object", "x-part", "x-other", "cookie"}

// ask sends a request to the gateway.
func (w *tokenWorld) ask(r tokenRequest) told {
	w.t.Helper()
	target := &url.URL{Scheme: "http", Host: w.address(1) + ":8080"}
	req := &http.Request{Method: r.method, URL: target, Host: "www.test", Header: http.Header{}}
	target.Opaque = r.path
	for _, h := range r.headers {
		req.Header.Add(h[0], h[1])
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatalf("%s: %v", r.name, err)
	}
	defer resp.Body.Close()
	out := told{status: resp.StatusCode, headers: map[string]string{}}
	if resp.StatusCode != http.StatusOK {
		b := make([]byte, 1024)
		n, _ := resp.Body.Read(b)
		out.why = string(b[:n])
		return out
	}
	var seen echo
	if err := json.NewDecoder(resp.Body).Decode(&seen); err != nil {
		w.t.Fatalf("%s: %v", r.name, err)
	}
	out.who, out.path = seen.Who, r.hidden(seen.Path)
	for _, name := range written {
		if v := seen.Headers.Values(name); len(v) > 0 {
			out.headers[name] = r.hidden(strings.Join(v, ","))
		}
	}
	return out
}

func (r tokenRequest) hidden(text string) string {
	for _, t := range r.hide {
		if t != "" {
			text = strings.ReplaceAll(text, t, "(token)")
		}
	}
	return text
}

// explained is what explain says of a request.
func (w *tokenWorld) explained(r tokenRequest) told {
	w.t.Helper()
	headers := explain.Headers{}
	for _, h := range r.headers {
		headers[strings.ToLower(h[0])] = append(headers[strings.ToLower(h[0])], h[1])
	}
	x, err := explain.Explain(w.snap, w.eps, nil, explain.Request{From: "istio-system/edge", Host: "www.test", Method: r.method, Path: r.path, Headers: headers, Now: time.Now()})
	if err != nil {
		w.t.Fatalf("%s: %v", r.name, err)
	}
	v := x.Outcomes[0].Verdict
	out := told{status: int(v.Status), headers: map[string]string{}}
	if inner, ok := strings.CutPrefix(v.Details, "jwt_authn_access_denied{"); ok {
		out.why = strings.ReplaceAll(strings.TrimSuffix(inner, "}"), "_", " ")
	}
	if out.status != 200 {
		return out
	}
	sent := x.First.Route.Targets[0]
	out.who, out.path = w.who(sent.Cluster), r.hidden(sent.Request.Path)
	for _, name := range written {
		if values, ok := sent.Request.Headers[name]; ok {
			out.headers[name] = r.hidden(strings.Join(values, ","))
		}
	}
	for _, s := range x.First.Chain {
		if s.Token != nil && s.Token.Valid {
			out.principals = append(out.principals, s.Token.Principal)
		}
	}
	doc, err := json.Marshal(x)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, t := range r.hide {
		if len(t) > 20 && strings.Contains(string(doc), t) {
			w.t.Errorf("%s: the explanation tells a token", r.name)
		}
	}
	return out
}

func (w *tokenWorld) who(cluster string) string {
	for _, v := range []string{"v1", "v2", "v3"} {
		if slices.Contains(strings.Split(cluster, "|"), v) {
			return v
		}
	}
	return cluster
}

// compare holds explain to the proxy, and gives what both say.
func (w *tokenWorld) compare(r tokenRequest) told {
	w.t.Helper()
	if r.method == "" {
		r.method = "GET"
	}
	if r.path == "" {
		r.path = "/"
	}
	want, got := w.explained(r), w.ask(r)
	if want.String() != got.String() {
		w.t.Errorf("%s:\n  explained %s\n  Envoy     %s", r.name, want, got)
	}
	w.tally[fmt.Sprint(got.status, " ", got.why)]++
	got.principals = want.principals
	return got
}
