package modules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	chainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	httpwasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func pack(t testing.TB, m proto.Message) *anypb.Any {
	t.Helper()
	out, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// slot is a filter slot that holds a Wasm filter, which some requests enter, as
// the control plane sends it.
func slot(t testing.TB, file string) *discoveryv3.Resource {
	t.Helper()
	wasm := &httpwasmv3.Wasm{Config: &wasmv3.PluginConfig{Vm: &wasmv3.PluginConfig_VmConfig{VmConfig: &wasmv3.VmConfig{
		Code: &corev3.AsyncDataSource{Specifier: &corev3.AsyncDataSource_Local{Local: &corev3.DataSource{
			Specifier: &corev3.DataSource_Filename{Filename: file}}}}}}}}
	action := &compositev3.ExecuteFilterAction{TypedConfig: &corev3.TypedExtensionConfig{Name: "wasm", TypedConfig: pack(t, wasm)}}
	some := &compositev3.Composite{Matcher: &matcherv3.Matcher{OnNoMatch: &matcherv3.Matcher_OnMatch{OnMatch: &matcherv3.Matcher_OnMatch_Action{
		Action: &xdscorev3.TypedExtensionConfig{Name: "some", TypedConfig: pack(t, action)}}}}}
	chain := &chainv3.FilterChainConfigPerRoute{FilterChain: &chainv3.FilterChain{Filters: []*corev3.TypedExtensionConfig{{
		Name: "some", TypedConfig: pack(t, some)}}}}
	return &discoveryv3.Resource{Name: "slot", Version: "1", Resource: pack(t, &corev3.TypedExtensionConfig{Name: "slot", TypedConfig: pack(t, chain)})}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// files serves by resource name.
type files struct {
	bytestream.UnimplementedByteStreamServer
	by   map[string]string
	asks int
}

// Read implements the service, in small pieces.
func (f *files) Read(req *bytestream.ReadRequest, s bytestream.ByteStream_ReadServer) error {
	f.asks++
	text, ok := f.by[req.ResourceName]
	if !ok {
		return status.Error(codes.NotFound, "no such module")
	}
	for ; text != ""; text = text[min(3, len(text)):] {
		if err := s.Send(&bytestream.ReadResponse{Data: []byte(text[:min(3, len(text))])}); err != nil {
			return err
		}
	}
	return nil
}

func serve(t *testing.T, f *files) *grpc.ClientConn {
	t.Helper()
	l := bufconn.Listen(1 << 16)
	g := grpc.NewServer()
	bytestream.RegisterByteStreamServer(g, f)
	go g.Serve(l)
	conn, err := grpc.NewClient("passthrough:x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); g.Stop() })
	return conn
}

func TestAModuleIsFetchedOnceAndNamed(t *testing.T) {
	f := &files{by: map[string]string{resourcePrefix + digest("module"): "module"}}
	conn, dir := serve(t, f), filepath.Join(t.TempDir(), "modules")
	s, r := New(dir), slot(t, "/elsewhere/modules/"+digest("module")+".wasm")
	if missing := s.Missing(r); len(missing) != 1 || missing[0] != digest("module") {
		t.Fatalf("missing are %v", missing)
	}
	for range 2 {
		if err := s.Fetch(t.Context(), conn, digest("module")); err != nil {
			t.Fatal(err)
		}
	}
	if f.asks != 1 || len(s.Missing(r)) != 0 || len(New(dir).Missing(r)) != 0 {
		t.Errorf("asked %d times; missing is %v", f.asks, s.Missing(r))
	}
	local, err := s.Localize(r)
	if err != nil {
		t.Fatal(err)
	}
	if want := slot(t, s.Path(digest("module"))); !proto.Equal(local, want) {
		t.Errorf("the resource is\n%v, want\n%v", local, want)
	}
	if !proto.Equal(r, slot(t, "/elsewhere/modules/"+digest("module")+".wasm")) {
		t.Error("the resource that came was changed")
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700, s.Path(digest("module")): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s is %v, %v", path, info.Mode(), err)
		}
	}
}

func TestWhatIsNotTheModuleIsNotKept(t *testing.T) {
	dir := t.TempDir()
	s := New(dir)
	conn := serve(t, &files{by: map[string]string{
		resourcePrefix + digest("module"): "another one", resourcePrefix + digest("large"): strings.Repeat("x", 100)}})
	for _, c := range []struct{ digest, want string }{
		{digest("module"), "what was sent is sha256:" + digest("another one")},
		{digest("unknown"), "no such module"},
		{"../../etc/passwd", "no digest"},
	} {
		err := s.Fetch(t.Context(), conn, c.digest)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "module sha256:"+c.digest) {
			t.Errorf("%s: %v, want %q", c.digest, err, c.want)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

// TestASpoiledFileIsFetchedAgain: a file is believed by what is in it.
func TestASpoiledFileIsFetchedAgain(t *testing.T) {
	s, r := New(t.TempDir()), slot(t, digest("module")+".wasm")
	if err := os.WriteFile(s.Path(digest("module")), []byte("modul"), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(s.Missing(r)) != 1 {
		t.Fatal("a spoiled file is used")
	}
	conn := serve(t, &files{by: map[string]string{resourcePrefix + digest("module"): "module"}})
	if err := s.Fetch(t.Context(), conn, digest("module")); err != nil || len(s.Missing(r)) != 0 {
		t.Errorf("%v; missing is %v", err, s.Missing(r))
	}
}

func TestOtherFilesStayAsTheyAre(t *testing.T) {
	s := New(t.TempDir())
	for _, file := range []string{"/etc/own.wasm", "", "/a/" + digest("x") + ".wasm.bak"} {
		r := slot(t, file)
		if local, err := s.Localize(r); err != nil || !proto.Equal(local, r) || len(s.Missing(r)) > 0 {
			t.Errorf("%q: became %v, %v; missing %v", file, local, err, s.Missing(r))
		}
	}
}

func TestSweep(t *testing.T) {
	s := New(t.TempDir())
	for _, name := range []string{"kept", "old"} {
		if err := os.WriteFile(s.Path(digest(name)), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Sweep(map[string]bool{digest("kept"): true}, time.Now().Add(time.Hour))
	if len(s.Missing(slot(t, digest("kept")+".wasm"))) != 0 || len(s.Missing(slot(t, digest("old")+".wasm"))) != 1 {
		t.Error("swept the wrong one")
	}
}

func FuzzLocalize(f *testing.F) {
	f.Add(slot(f, "/a/"+digest("x")+".wasm").GetResource().GetValue())
	s := New(f.TempDir())
	f.Fuzz(func(t *testing.T, value []byte) {
		r := &discoveryv3.Resource{Name: "slot", Resource: &anypb.Any{TypeUrl: "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig", Value: value}}
		local, err := s.Localize(r)
		if err != nil {
			return
		}
		for _, d := range Digests(local) {
			if !fileName.MatchString(d + ".wasm") {
				t.Errorf("%q is no digest", d)
			}
		}
	})
}
