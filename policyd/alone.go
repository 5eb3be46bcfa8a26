package policyd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"

	"github.com/krater-mesh/krater/fetch"
	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/authz"
	"github.com/krater-mesh/krater/policyd/bundle"
	"github.com/krater-mesh/krater/policyd/decisionlog"
	"github.com/krater-mesh/krater/policyd/opaconfig"
)

// AloneOptions are what a policyd beside any Envoy runs on.
type AloneOptions struct {
	Config   *opaconfig.Config
	Modules  []model.RegoModule // beside those of bundles
	Data     string             // likewise, a JSON object; may be ""
	HTTPSend *model.HTTPSend
	StateDir string // of the last good bundles; "": in memory only
	Plain    bool   // it may listen beyond this machine
	Logger   *slog.Logger
	Ready    func() // called once it listens; may be nil
}

// alone is one run.
type alone struct {
	AloneOptions
	fetched *fetch.Store
	changed chan struct{}
	server  *authz.Server
	told    map[string]string // what was last said of each bundle
}

// RunAlone answers any Envoy's ext_authz by an OPA configuration, until ctx is
// done. A bundle that does not come, or is no good, leaves the one of before
// in force; before the first one checks fail.
func RunAlone(ctx context.Context, o AloneOptions) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if !o.Plain && !listen.IsUnix(o.Config.Listen) && !loopback(o.Config.Listen) {
		return fmt.Errorf("plugins.envoy_ext_authz_grpc.addr %s: whoever reaches it is answered in plain text; name 127.0.0.1:PORT or unix:///PATH, or allow it by --plaintext", o.Config.Listen)
	}
	log := decisionlog.NewQueue(decisionsQueued, decisionlog.Log(o.Logger.With(labels(o.Config.Labels)...), slog.LevelInfo))
	options := authz.Options{Logger: o.Logger, Alone: &authz.Alone{Policy: o.Config.Policy.Object.Key(), DryRun: o.Config.DryRun}}
	if o.Config.Console {
		options.Recorder = log
	}
	a := &alone{AloneOptions: o, changed: make(chan struct{}, 1), server: authz.New(options), told: map[string]string{}}
	dir := ""
	if o.StateDir != "" {
		dir = filepath.Join(o.StateDir, "bundles")
	}
	a.fetched = fetch.New(fetch.Options{Dir: dir, Changed: a.again})
	defer a.fetched.Close()
	if err := a.load(); err != nil && len(o.Config.Bundles) == 0 {
		return err // nothing will ever change it
	}
	l, err := listen.On(ctx, o.Config.Listen)
	if err != nil {
		return err
	}
	server := newGRPCServer(a.server, spans(), grpc.MaxRecvMsgSize(o.Config.MaxRecv), grpc.MaxSendMsgSize(o.Config.MaxSend))
	if o.Config.Reflection {
		reflection.Register(server)
	}
	defer runtime.KeepAlive(ballast())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return log.Run(ctx) })
	group.Go(func() error { return a.follow(ctx) })
	s := &Service{options: Options{Logger: o.Logger}}
	group.Go(func() error { return s.serve(ctx, opened{l, server}) })
	o.Logger.Info("policyd answers", "address", o.Config.Listen)
	if o.Ready != nil {
		o.Ready()
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("running policyd: %w", err)
	}
	return nil
}

func labels(l map[string]string) []any {
	var out []any
	for name, value := range l {
		out = append(out, slog.String(name, value))
	}
	return out
}

// again has the bundles looked at once more.
func (a *alone) again() {
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// follow takes what comes. Files are looked at as often as bundles of the web
// are asked for.
func (a *alone) follow(ctx context.Context) error {
	tick := time.NewTicker(a.interval())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.changed:
		case <-tick.C:
		}
		_ = a.load() // it was logged
	}
}

func (a *alone) interval() time.Duration {
	shortest := time.Hour
	for _, b := range a.Config.Bundles {
		shortest = min(shortest, b.Refresh)
	}
	return shortest
}

// load puts what is there in force: all bundles, or as before.
func (a *alone) load() error {
	a.fetched.Round()
	policy := a.Config.Policy
	policy.Modules, policy.Data, policy.HTTPSend = append([]model.RegoModule(nil), a.Modules...), a.Data, a.HTTPSend
	for _, b := range a.Config.Bundles {
		read, err := a.bundle(b)
		if err != nil {
			a.tell(b.Name, err.Error())
			return err
		}
		a.tell(b.Name, "")
		for _, m := range read.Modules {
			policy.Modules = append(policy.Modules, model.RegoModule{Name: b.Name + "/" + m.Name, Source: m.Source})
		}
		if policy.Data, err = mergeData(policy.Data, read.Data); err != nil {
			a.tell(b.Name, err.Error())
			return err
		}
	}
	var refused []error
	for _, p := range a.server.SetPolicies([]model.RegoPolicy{policy}) {
		if p.Severity == model.Error {
			refused = append(refused, errors.New(p.String()))
		}
	}
	err := errors.Join(refused...)
	if err != nil {
		a.Logger.Error("the policy is not taken; the one of before stays", "reason", err)
	}
	return err
}

// tell logs what is new to say of a bundle.
func (a *alone) tell(name, what string) {
	if before, known := a.told[name]; known && before == what {
		return
	}
	a.told[name] = what
	if what == "" {
		a.Logger.Info("a bundle is in force", "bundle", name)
		return
	}
	a.Logger.Error("a bundle is not taken; the one of before stays", "bundle", name, "reason", what)
}

func (a *alone) bundle(b opaconfig.Bundle) (bundle.Bundle, error) {
	o := bundle.Options{}
	if s := b.Signing; s != nil {
		o = bundle.Options{KeyID: s.KeyID, Scope: s.Scope, Exclude: s.Exclude, Keys: map[string]bundle.Key{}}
		for id, k := range s.Keys {
			o.Keys[id] = bundle.Key{Algorithm: k.Algorithm, Text: k.Key}
		}
	}
	u, err := url.Parse(b.URL)
	if err != nil {
		return bundle.Bundle{}, errors.New("its URL cannot be read")
	}
	if u.Scheme == "" {
		data, err := os.ReadFile(b.URL)
		if err != nil {
			return bundle.Bundle{}, err
		}
		return bundle.Read(data, o)
	}
	host := model.FetchHost{Host: hostOf(u), Private: true, HTTP: u.Scheme == "http", CA: b.CA}
	r := fetch.Request{URL: b.URL, Kind: "bundle", Check: func(data []byte) error { _, err := bundle.Read(data, o); return err },
		Policy: &model.FetchPolicy{Hosts: []model.FetchHost{host}, OnlyHosts: true}, Field: "services",
		Identity: b.Name + " " + model.Hash(o), MaxBytes: bundle.MaxBytes, Timeout: bundleTimeout, Interval: b.Refresh}
	if b.Token != "" {
		r.Authorization = "Bearer " + b.Token
	}
	answer := a.fetched.Get(context.Background(), r)
	switch {
	case answer.Body == nil && answer.Err != nil:
		return bundle.Bundle{}, answer.Err
	case answer.Body == nil:
		return bundle.Bundle{}, errors.New("it is being fetched")
	case answer.Err != nil:
		a.tell(b.Name, answer.Err.Error())
	}
	return bundle.Read(answer.Body, o)
}

// hostOf is a URL's host as the guard of fetches has it.
func hostOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if p := u.Port(); p == "443" && u.Scheme == "https" || p == "80" && u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":"+p)
	}
	return host
}

// loopback tells whether an address is reached from this machine only.
func loopback(target string) bool {
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

const bundleTimeout = 30 * time.Second

// mergeData puts two objects of data into one. What is in both must be
// objects, too.
func mergeData(a, b string) (string, error) {
	if a == "" || b == "" {
		return a + b, nil
	}
	var one, other map[string]json.RawMessage
	if json.Unmarshal([]byte(a), &one) != nil || json.Unmarshal([]byte(b), &other) != nil || one == nil || other == nil {
		return "", errors.New("data is no object")
	}
	for name, v := range other {
		before, twice := one[name]
		if !twice {
			one[name] = v
			continue
		}
		merged, err := mergeData(string(before), string(v))
		if err != nil {
			return "", fmt.Errorf("two bundles have data.%s", name)
		}
		one[name] = json.RawMessage(merged)
	}
	out, err := json.Marshal(one)
	return string(out), err
}
