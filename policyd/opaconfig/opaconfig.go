// Package opaconfig turns an OPA configuration file, as users of OPA's Envoy
// plugin have it, into what policyd runs on. Every key is mapped or refused by
// its name; none is passed over.
package opaconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/model"
)

// Config is what a configuration comes to.
type Config struct {
	Listen     string // "unix:PATH" or "host:port"
	Policy     model.RegoPolicy
	DryRun     bool
	Reflection bool
	MaxRecv    int // bytes
	MaxSend    int
	Bundles    []Bundle // by name
	Console    bool     // decisions are logged
	Labels     map[string]string
}

// Bundle is one bundle, and whence it comes.
type Bundle struct {
	Name    string
	URL     string // http, https, or the path of a file
	CA      string // PEM of the server's authorities; "": the system's
	Token   string
	Refresh time.Duration
	Signing *Signing
}

// Signing says by which key a bundle must be signed.
type Signing struct {
	KeyID   string
	Keys    map[string]SigningKey
	Scope   string
	Exclude []string
}

// SigningKey is what signatures are checked with.
type SigningKey struct{ Key, Algorithm, Scope string }

// The plugin's defaults, but for the address: policyd listens to nobody else
// unless it is told to.
const (
	defaultAddr = "127.0.0.1:9191"
	defaultPath = "envoy/authz/allow"
	defaultRecv = 4 << 20
	defaultPoll = 120 * time.Second
)

// Options are what a configuration is read with.
type Options struct {
	Dir      string                       // that files are named from
	ReadFile func(string) ([]byte, error) // nil: os.ReadFile
	Getenv   func(string) string          // for ${NAME}; nil: os.Getenv
	Set      []string                     // "a.b.c=value", as on OPA's command line
}

// Read reads a configuration. The errors are all there are, each of one key.
func Read(text []byte, o Options) (*Config, error) {
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	text = variable.ReplaceAllFunc(text, func(v []byte) []byte { return []byte(o.Getenv(string(v[2 : len(v)-1]))) })
	tree := map[string]any{}
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("it is no YAML: %w", err)
	}
	if tree == nil {
		tree = map[string]any{}
	}
	for _, s := range o.Set {
		if err := set(tree, s); err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, r := range check(tree) {
		errs = append(errs, r)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	plain, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	var f file
	if err := json.Unmarshal(plain, &f); err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	return f.config(o)
}

var variable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// set is one --set: the value is YAML.
func set(tree map[string]any, assignment string) error {
	path, value, ok := strings.Cut(assignment, "=")
	if !ok || path == "" {
		return fmt.Errorf("--set %s: want KEY=VALUE", assignment)
	}
	var v any
	if err := yaml.Unmarshal([]byte(value), &v); err != nil {
		return fmt.Errorf("--set %s: %w", path, err)
	}
	steps := strings.Split(path, ".")
	at := tree
	for _, name := range steps[:len(steps)-1] {
		next, is := at[name].(map[string]any)
		if !is {
			next = map[string]any{}
			at[name] = next
		}
		at = next
	}
	at[steps[len(steps)-1]] = v
	return nil
}

// file is the part of a configuration that is acted on.
type file struct {
	Services json.RawMessage          `json:"services"`
	Labels   map[string]string        `json:"labels"`
	Bundles  map[string]*bundleConfig `json:"bundles"`
	Keys     map[string]keyConfig     `json:"keys"`
	Logs     struct {
		Console bool `json:"console"`
	} `json:"decision_logs"`
	Plugins struct {
		Envoy pluginConfig `json:"envoy_ext_authz_grpc"`
	} `json:"plugins"`
}

type pluginConfig struct {
	Addr       string `json:"addr"`
	Path       string `json:"path"`
	Query      string `json:"query"`
	DryRun     bool   `json:"dry-run"`
	Reflection bool   `json:"enable-reflection"`
	Descriptor string `json:"proto-descriptor"`
	MaxRecv    int    `json:"grpc-max-recv-msg-size"`
	MaxSend    int    `json:"grpc-max-send-msg-size"`
	Unread     bool   `json:"skip-request-body-parse"`
}

type keyConfig struct {
	Key       string `json:"key"`
	Algorithm string `json:"algorithm"`
	Scope     string `json:"scope"`
}

// name is what the one policy of a policyd that runs alone is called.
var name = model.Ref{Kind: "RegoPolicy", Namespace: "opa", Name: "envoy"}

func (f *file) config(o Options) (*Config, error) {
	p := f.Plugins.Envoy
	c := &Config{Console: f.Logs.Console, Labels: f.Labels, DryRun: p.DryRun, Reflection: p.Reflection, MaxRecv: p.MaxRecv, MaxSend: p.MaxSend}
	if c.MaxRecv == 0 {
		c.MaxRecv = defaultRecv
	}
	if c.MaxSend == 0 {
		c.MaxSend = math.MaxInt32
	}
	if c.MaxRecv < 0 || c.MaxRecv > maxRecv {
		return nil, Refusal{plugin + "grpc-max-recv-msg-size", fmt.Sprintf("want at most %d", maxRecv)}
	}
	var err error
	if c.Listen, err = listens(p.Addr); err != nil {
		return nil, err
	}
	c.Policy = model.RegoPolicy{Object: name, Mode: model.Enforce, Failure: model.FailClosed, Timeout: model.Duration(longest),
		MaxBody: uint32(c.MaxRecv), RawBody: true, UnreadBody: p.Unread, Memory: max(memory, int64(c.MaxRecv)*64), Lower: model.LowerNever}
	if c.Policy.Query, err = p.query(); err != nil {
		return nil, err
	}
	if p.Descriptor != "" {
		if c.Policy.ProtoDescriptor, err = o.read(p.Descriptor); err != nil {
			return nil, Refusal{plugin + "proto-descriptor", err.Error()}
		}
	}
	c.Bundles, err = f.bundles(o)
	return c, err
}

// The bounds of a policyd that runs alone.
const (
	maxRecv = 64 << 20
	memory  = 64 << 20
	longest = 10 * time.Second // where Envoy does not say how long it waits
)

func (o Options) read(path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.Dir, path)
	}
	return o.ReadFile(path)
}

// listens reads the plugin's forms of an address.
func listens(addr string) (string, error) {
	switch {
	case addr == "":
		return defaultAddr, nil
	case strings.HasPrefix(addr, "unix://"):
		return "unix:" + strings.TrimPrefix(addr, "unix://"), nil
	case strings.HasPrefix(addr, "grpc://"):
		addr = strings.TrimPrefix(addr, "grpc://")
	}
	if strings.Contains(addr, "://") || !strings.Contains(addr, ":") {
		return "", Refusal{plugin + "addr", "want host:port, grpc://host:port or unix:///PATH"}
	}
	return addr, nil
}

var plain = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func (p pluginConfig) query() (string, error) {
	switch {
	case p.Path != "" && p.Query != "":
		return "", Refusal{plugin + "query", "say path, or query, and not both"}
	case p.Query != "":
		return p.Query, nil
	case p.Path == "":
		p.Path = defaultPath
	}
	out := "data"
	for _, step := range strings.Split(strings.Trim(p.Path, "/"), "/") {
		if plain.MatchString(step) {
			out += "." + step
		} else {
			quoted, err := json.Marshal(step)
			if err != nil {
				return "", Refusal{plugin + "path", err.Error()}
			}
			out += "[" + string(quoted) + "]"
		}
	}
	return out, nil
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
