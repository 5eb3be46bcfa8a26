package probe

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/krater-mesh/krater/model"
)

// server accepts connections on a port that it keeps.
type server struct {
	l    net.Listener
	port uint32
}

func listen(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.open(t)
	t.Cleanup(s.close)
	return s
}

func (s *server) open(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(int(s.port)))
	if err != nil {
		t.Fatal(err)
	}
	s.l, s.port = l, portOf(t, l.Addr().String())
}

func (s *server) close() { s.l.Close() }

func portOf(t *testing.T, address string) uint32 {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

// asked is what became of one question with a timeout of two seconds.
func asked(t *testing.T, p model.Probe) string {
	t.Helper()
	if p.Timeout == 0 {
		p.Timeout = model.Duration(2 * time.Second)
	}
	if err := Ask(context.Background(), &p); err != nil {
		return err.Error()
	}
	return "well"
}

func TestAskHTTP(t *testing.T) {
	var got *http.Request
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		code, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.Header().Set("Location", "/500")
		w.WriteHeader(code)
	})
	for _, s := range []*httptest.Server{httptest.NewServer(handler), httptest.NewTLSServer(handler)} {
		defer s.Close()
		u, _ := url.Parse(s.URL)
		for path, want := range map[string]string{"/200": "well", "/204": "well", "/301": "well", "/399": "well", "/404": "it answers 404", "/503": "it answers 503"} {
			p := model.Probe{HTTP: &model.ProbeHTTP{Port: portOf(t, u.Host), Path: path + "?a=b", HTTPS: u.Scheme == "https", Host: "127.0.0.1",
				Headers: []model.ProbeHeader{{Name: "x-a", Value: "1"}, {Name: "X-A", Value: "2"}, {Name: "host", Value: "shop"}, {Name: "User-Agent", Value: "me"}}}}
			if answer := asked(t, p); answer != want {
				t.Errorf("%s%s: %s, want %s", u.Scheme, path, answer, want)
			}
			if got.Host != "shop" || strings.Join(got.Header["X-A"], " ") != "1 2" || got.UserAgent() != "me" || got.URL.RawQuery != "a=b" {
				t.Errorf("asked %s %v ?%s", got.Host, got.Header, got.URL.RawQuery)
			}
		}
	}
}

func TestNoProxyIsAsked(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	p := model.Probe{HTTP: &model.ProbeHTTP{Port: portOf(t, strings.TrimPrefix(s.URL, "http://")), Path: "/"}}
	if answer := asked(t, p); answer != "it answers 404" {
		t.Error(answer)
	}
}

func TestATimeoutIsNoAnswer(t *testing.T) {
	silent := listen(t)
	for name, p := range map[string]model.Probe{
		"http": {HTTP: &model.ProbeHTTP{Host: "127.0.0.1", Port: silent.port, Path: "/"}},
		"grpc": {GRPC: &model.ProbeGRPC{Port: silent.port}},
		"exec": {Exec: []string{"sleep", "60"}},
	} {
		p.Timeout = model.Duration(50 * time.Millisecond)
		began := time.Now()
		if answer := asked(t, p); answer != "no answer within 50ms" || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %s after %s", name, answer, time.Since(began))
		}
	}
}

func TestAskTCP(t *testing.T) {
	s := listen(t)
	if answer := asked(t, model.Probe{TCP: &model.ProbeTCP{Host: "127.0.0.1", Port: s.port}}); answer != "well" {
		t.Error(answer)
	}
	s.close()
	if answer := asked(t, model.Probe{TCP: &model.ProbeTCP{Host: "127.0.0.1", Port: s.port}}); answer != "dial: connect: connection refused" {
		t.Error(answer)
	}
}

// TestTheMachinesOwnAddressIsAskedAsTheProxyAsks: else the redirect leads the
// question to the proxy.
func TestTheMachinesOwnAddressIsAskedAsTheProxyAsks(t *testing.T) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.To4() == nil {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(n.IP.String(), "0"))
		if err != nil {
			t.Fatal(err)
		}
		from := make(chan string, 1)
		go func() {
			if c, err := l.Accept(); err == nil {
				from <- c.RemoteAddr().(*net.TCPAddr).IP.String()
				c.Close()
			}
		}()
		p := model.Probe{TCP: &model.ProbeTCP{Host: n.IP.String(), Port: portOf(t, l.Addr().String())}}
		if answer := asked(t, p); answer != "well" {
			t.Fatal(answer)
		}
		if got := <-from; (got == "127.0.0.6") == n.IP.IsLoopback() {
			t.Errorf("%s is asked from %s", n.IP, got)
		}
		l.Close()
	}
}

func TestAskGRPC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g, h := grpc.NewServer(), health.NewServer()
	healthv1.RegisterHealthServer(g, h)
	go func() { _ = g.Serve(l) }()
	defer g.Stop()
	h.SetServingStatus("bad", healthv1.HealthCheckResponse_NOT_SERVING)
	port := portOf(t, l.Addr().String())
	for service, want := range map[string]string{"": "well", "bad": "says NOT_SERVING", "other": "unknown service"} {
		if answer := asked(t, model.Probe{GRPC: &model.ProbeGRPC{Port: port, Service: service}}); !strings.Contains(answer, want) {
			t.Errorf("%q: %s, want %s", service, answer, want)
		}
	}
}

func TestAskExec(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "ready")
	p := model.Probe{Exec: []string{"sh", "-c", "echo a secret; test -e " + marker}}
	if answer := asked(t, p); answer != "running sh: exit status 1" {
		t.Error(answer)
	}
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if answer := asked(t, p); answer != "well" {
		t.Error(answer)
	}
	if err := Ask(context.Background(), &model.Probe{Exec: []string{"/no/such/command"}}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
