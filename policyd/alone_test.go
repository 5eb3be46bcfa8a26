package policyd

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/opaconfig"
	"github.com/krater-mesh/krater/policyd/rego"
)

// runAlone runs a configuration until the test ends, and gives who asks it.
func runAlone(t *testing.T, config string, o AloneOptions) *grpc.ClientConn {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	c, err := opaconfig.Read([]byte(config), opaconfig.Options{Set: []string{"plugins.envoy_ext_authz_grpc.addr=unix://" + socket}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	o.Config, o.Ready = c, func() { close(ready) }
	go func() { ended <- RunAlone(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

const aloneRego = `package envoy.authz

allow if input.attributes.request.http.headers.user in data.users

allow := false if input.attributes.request.http.path == "/no"

allow if { input.attributes.request.http.path == "/undefined"; false }
`

func ask(t *testing.T, conn *grpc.ClientConn, path, user string) (*authv3.CheckResponse, error) {
	t.Helper()
	r := rego.Request{Path: path, Headers: []rego.Header{{Name: "user", Value: user}}}.CheckRequest(0)
	return authv3.NewAuthorizationClient(conn).Check(t.Context(), r)
}

func TestAloneAnswersAsThePlugin(t *testing.T) {
	conn := runAlone(t, "plugins: {envoy_ext_authz_grpc: {enable-reflection: true}}",
		AloneOptions{Modules: []model.RegoModule{{Name: "a.rego", Source: aloneRego}}, Data: `{"users": ["anna"]}`})
	if r, err := ask(t, conn, "/", "anna"); err != nil || r.GetOkResponse() == nil {
		t.Errorf("%v %v", r, err)
	}
	if r, err := ask(t, conn, "/no", "berta"); err != nil || r.GetDeniedResponse().GetStatus().GetCode() != 403 {
		t.Errorf("%v %v", r, err)
	}
	if r, err := ask(t, conn, "/undefined", "berta"); status.Code(err) != codes.Unknown {
		t.Errorf("no verdict is the filter's failure mode's: %v %v", r, err)
	}
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	if r, err := stream.Recv(); err != nil || !strings.Contains(fmt.Sprint(r), "envoy.service.auth.v3.Authorization") {
		t.Errorf("%v %v", r, err)
	}
}

func TestAloneDryRun(t *testing.T) {
	conn := runAlone(t, "plugins: {envoy_ext_authz_grpc: {dry-run: true}}",
		AloneOptions{Modules: []model.RegoModule{{Name: "a.rego", Source: aloneRego}}, Data: `{"users": ["anna"]}`})
	if r, err := ask(t, conn, "/no", "berta"); err != nil || r.GetStatus().GetCode() != 0 || r.GetOkResponse() == nil {
		t.Errorf("%v %v", r, err)
	}
}

// packed is a bundle's tarball.
func packed(t *testing.T, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o600, Size: int64(len(files[i+1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestAloneFollowsBundles: two of them make one policy; one that breaks leaves
// what was there.
func TestAloneFollowsBundles(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("rules.tar.gz", packed(t, "/a.rego", aloneRego))
	put("users.tar.gz", packed(t, "/data.json", `{"users": ["anna"]}`))
	conn := runAlone(t, fmt.Sprintf("bundles:\n  rules: {resource: 'file://%s/rules.tar.gz', polling: {max_delay_seconds: 1}}\n  users: {resource: 'file://%s/users.tar.gz'}\n", dir, dir), AloneOptions{})
	if r, err := ask(t, conn, "/", "anna"); err != nil || r.GetOkResponse() == nil {
		t.Fatalf("%v %v", r, err)
	}
	put("rules.tar.gz", []byte("broken"))
	put("users.tar.gz", packed(t, "/data.json", `{"users": ["berta"]}`))
	if r, err := ask(t, conn, "/", "anna"); err != nil || r.GetOkResponse() == nil {
		t.Errorf("the last good policy is gone: %v %v", r, err)
	}
	put("rules.tar.gz", packed(t, "/a.rego", aloneRego))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r, err := ask(t, conn, "/", "berta")
		if err == nil && r.GetOkResponse() != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the new users are not in force: %v %v", r, err)
		}
	}
}

func TestAloneListensHereOnly(t *testing.T) {
	for _, addr := range []string{":9191", "0.0.0.0:9191", "192.0.2.1:9191"} {
		c, err := opaconfig.Read(nil, opaconfig.Options{Set: []string{`plugins.envoy_ext_authz_grpc.addr="` + addr + `"`}})
		if err != nil {
			t.Fatal(err)
		}
		if err := RunAlone(t.Context(), AloneOptions{Config: c}); err == nil || !strings.Contains(err.Error(), "--plaintext") {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestMergeData(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"", `{"a":1}`, `{"a":1}`},
		{`{"a":{"b":1}}`, `{"a":{"c":2},"d":3}`, `{"a":{"b":1,"c":2},"d":3}`},
		{`{"a":1}`, `{"a":2}`, ""},
		{`{"a":null}`, `{"a":{}}`, ""},
		{`null`, `{"a":{}}`, ""},
	} {
		got, err := mergeData(c.a, c.b)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s + %s: %s, %v", c.a, c.b, got, err)
		}
	}
}
