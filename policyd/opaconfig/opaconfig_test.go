package opaconfig

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/krater-mesh/krater/model"
)

const full = `
services:
- name: acme
  url: https://bundles.example.com/v1
  credentials: {bearer: {token: "${TOKEN}"}}
  tls: {ca_cert: ca.pem}
labels: {region: north}
bundles:
  authz:
    service: acme
    resource: authz.tar.gz
    polling: {min_delay_seconds: 10, max_delay_seconds: 20}
    signing: {keyid: ours, scope: write, exclude_files: [README.md]}
    persist: true
  local: {resource: "file:///srv/local.tar.gz"}
keys:
  ours: {key: "-----BEGIN PUBLIC KEY-----", algorithm: ES256}
decision_logs: {console: true}
status: {console: true}
plugins:
  envoy_ext_authz_grpc:
    addr: grpc://127.0.0.1:9191
    path: my-team/authz/allow
    dry-run: true
    enable-reflection: true
    proto-descriptor: set.pb
    grpc-max-recv-msg-size: 1000
    grpc-max-send-msg-size: 2000
    skip-request-body-parse: true
    enable-performance-metrics: true
`

func options() Options {
	return Options{Dir: "dir", Getenv: func(name string) string { return "value of " + name }, ReadFile: func(path string) ([]byte, error) {
		if path == "dir/ca.pem" || path == "dir/set.pb" {
			return []byte(path), nil
		}
		return nil, os.ErrNotExist
	}}
}

func TestRead(t *testing.T) {
	c, err := Read([]byte(full), options())
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{Listen: "127.0.0.1:9191", DryRun: true, Reflection: true, MaxRecv: 1000, MaxSend: 2000, Console: true, Labels: map[string]string{"region": "north"},
		Policy: model.RegoPolicy{Object: name, Query: `data["my-team"].authz.allow`, Mode: model.Enforce, Failure: model.FailClosed, Timeout: model.Duration(longest),
			MaxBody: 1000, RawBody: true, UnreadBody: true, ProtoDescriptor: []byte("dir/set.pb"), Memory: memory, Lower: model.LowerNever},
		Bundles: []Bundle{
			{Name: "authz", URL: "https://bundles.example.com/v1/authz.tar.gz", CA: "dir/ca.pem", Token: "value of TOKEN", Refresh: 20 * time.Second,
				Signing: &Signing{KeyID: "ours", Scope: "write", Exclude: []string{"README.md"}, Keys: map[string]SigningKey{"ours": {"-----BEGIN PUBLIC KEY-----", "ES256", ""}}}},
			{Name: "local", URL: "/srv/local.tar.gz", Refresh: defaultPoll},
		}}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultsAndSet(t *testing.T) {
	c, err := Read(nil, Options{Set: []string{"plugins.envoy_ext_authz_grpc.addr=unix:///run/opa.sock", "decision_logs.console=true", "plugins.envoy_ext_authz_grpc.query=data.a.b"}})
	if err != nil || c.Listen != "unix:/run/opa.sock" || !c.Console || c.Policy.Query != "data.a.b" {
		t.Errorf("%+v %v", c, err)
	}
	if c, err = Read(nil, Options{}); err != nil || c.Listen != defaultAddr || c.Policy.Query != "data.envoy.authz.allow" || c.MaxRecv != defaultRecv {
		t.Errorf("%+v %v", c, err)
	}
}

// TestEveryRefusedKeyIsNamed: each with what to do.
func TestEveryRefusedKeyIsNamed(t *testing.T) {
	for _, k := range Keys {
		if !k.Refused {
			continue
		}
		path := strings.ReplaceAll(k.Path, "*", "some")
		tree := map[string]any{}
		if err := set(tree, path+"=x"); err != nil {
			t.Fatal(err)
		}
		found := check(tree)
		if len(found) != 1 || found[0].Key != path || !strings.Contains(found[0].Why, k.Means) {
			t.Errorf("%s: %v", path, found)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"plugins: {envoy_ext_authz_grpc: {adr: ':9191'}}": "plugins.envoy_ext_authz_grpc.adr: neither OPA",
		"plugin: {}":                    "plugin: neither OPA",
		"plugins: {some_other: {a: 1}}": "plugins.some_other: policyd does not do this: policyd has no other plugins",
		"plugins: {envoy_ext_authz_grpc: {addr: 'http://x:1'}}":                "plugins.envoy_ext_authz_grpc.addr: want host:port",
		"plugins: {envoy_ext_authz_grpc: {addr: x}}":                           "plugins.envoy_ext_authz_grpc.addr: want host:port",
		"plugins: {envoy_ext_authz_grpc: {path: a, query: b}}":                 "plugins.envoy_ext_authz_grpc.query: say path, or query",
		"plugins: {envoy_ext_authz_grpc: {proto-descriptor: no.pb}}":           "plugins.envoy_ext_authz_grpc.proto-descriptor:",
		"plugins: {envoy_ext_authz_grpc: {grpc-max-recv-msg-size: 100000000}}": "plugins.envoy_ext_authz_grpc.grpc-max-recv-msg-size: want at most",
		"plugins: 7":                 "plugins: want an object",
		"bundles: {a: {service: x}}": "bundles.a.service: it names none of services",
		"{services: {x: {url: 's3://b'}}, bundles: {a: {service: x}}}":                            "services.x.url: want http",
		"{services: {x: {url: 'http://b', credentials: {bearer: {token: t}}}}, bundles: {a: {}}}": "a token is sent over https only",
		"{bundles: {a: {resource: 'file:///a', signing: {keyid: k}}}}":                            "bundles.a.signing: there are no keys",
		"{keys: {k: {key: x}}, bundles: {a: {resource: 'file:///a', signing: {keyid: l}}}}":       "bundles.a.signing.keyid: it names none of keys",
		"services: {x: {url: 'https://x', credentials: {oauth2: {token_url: x}}}}":                "services.x.credentials.oauth2: policyd does not do this: use bearer",
		"services: [{name: x, url: 'https://x', credentials: {s3_signing: {}}}]":                  "services.0.credentials.s3_signing: policyd does not do this",
		"decision_logs: {service: x}": "decision_logs.service: policyd does not do this",
		": : :":                       "it is no YAML",
	} {
		if c, err := Read([]byte(text), options()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: wanted %q, got %v, %+v", text, want, err, c)
		}
	}
	_, err := Read([]byte("{discovery: {}, server: {}}"), options())
	var r Refusal
	if !errors.As(err, &r) || !strings.Contains(err.Error(), "server") || !strings.Contains(err.Error(), "discovery") {
		t.Errorf("not all are told: %v", err)
	}
}

// FuzzRead: a configuration is read, or refused.
func FuzzRead(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("services: [1]\nbundles: {a: null}\nkeys: {a: {}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := Read(text, options()); err == nil && c.Policy.Query == "" {
			t.Error("neither a configuration nor an error")
		}
	})
}
