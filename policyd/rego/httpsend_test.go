package rego

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

func sender(t *testing.T, call string, hosts ...model.FetchHost) Answer {
	t.Helper()
	policy := model.RegoPolicy{Query: "data.p.allow", Failure: model.FailClosed, Timeout: model.Duration(5 * time.Second),
		HTTPSend: &model.HTTPSend{Hosts: hosts, Timeout: model.Duration(300 * time.Millisecond), MaxResponse: 1000},
		Modules:  []model.RegoModule{{Name: "p.rego", Source: "package p\n\nallow if { r := http.send(" + call + "); r.status_code == 200 }"}}}
	a, err := Evaluate(context.Background(), policy, Request{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestHTTPSend(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/elsewhere":
			http.Redirect(w, r, "http://localhost:1/", http.StatusFound)
		case "/slow":
			<-release
		case "/large":
			_, _ = w.Write([]byte(strings.Repeat("x", 2000)))
		}
	}))
	defer server.Close()
	defer close(release)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	listed := model.FetchHost{Host: u.Host, Private: true, HTTP: true}
	call := func(path string, more ...string) string {
		return `{"method": "get", "url": "` + server.URL + path + `"` + strings.Join(more, "") + `}`
	}
	if a := sender(t, call("/"), listed); !a.Allowed {
		t.Errorf("a listed host: %+v", a)
	}
	for name, a := range map[string]Answer{
		"a host that is not listed":  sender(t, call("/"), model.FetchHost{Host: "example.com"}),
		"another port":               sender(t, call("/"), model.FetchHost{Host: "127.0.0.1", Private: true, HTTP: true}),
		"a private address":          sender(t, call("/"), model.FetchHost{Host: u.Host, HTTP: true}),
		"without TLS":                sender(t, call("/"), model.FetchHost{Host: u.Host, Private: true}),
		"a redirect to elsewhere":    sender(t, call("/elsewhere", `, "enable_redirect": true`), listed),
		"a slow one":                 sender(t, call("/slow", `, "timeout": "60s"`), listed),
		"a large one":                sender(t, call("/large"), listed),
		"a socket":                   sender(t, `{"method": "get", "url": "unix://localhost/?socket=/run/x"}`, listed),
		"a machine's own address":    sender(t, `{"method": "get", "url": "http://169.254.169.254/"}`, listed, model.FetchHost{Host: "169.254.169.254", HTTP: true}),
		"files of policyd":           sender(t, call("/", `, "tls_ca_cert_file": "/etc/passwd"`), listed),
		"the environment of policyd": sender(t, call("/", `, "tls_ca_cert_env_variable": "HOME"`), listed),
		"anybody's certificate":      sender(t, call("/", `, "tls_insecure_skip_verify": true`), listed),
	} {
		if a.Allowed {
			t.Errorf("%s is called: %+v", name, a)
		}
	}
	if a := sender(t, call("/", `, "tls_ca_cert_env_variable": "HOME"`), listed); a.Failure.Kind != FailEvaluation {
		t.Errorf("a refused parameter is no failure: %+v", a.Failure)
	}
}

// TestHTTPSendIsOff: without a list there is no such built-in.
func TestHTTPSendIsOff(t *testing.T) {
	_, problems := Compile(model.RegoPolicy{Query: "data.p.allow",
		Modules: []model.RegoModule{{Name: "p.rego", Source: "package p\n\nallow if http.send({\"method\": \"get\", \"url\": \"https://example.com\"}).status_code == 200"}}})
	if len(problems) != 1 || !strings.Contains(problems[0].Fix, "spec.httpSend.hosts") {
		t.Error(problems)
	}
}
