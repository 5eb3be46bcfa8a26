package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// emptyUnix is the least that a daemon can take.
const emptyUnix = "stock.empty-unix"

// peers measures an Envoy that asks others by ext_authz, each beside one that
// asks nobody.
func peers(ctx context.Context, o options) (list []*subject, err error) {
	dir, err := os.MkdirTemp("", "kb")
	if err != nil {
		return nil, err
	}
	b := &bunch{dir: dir, bin: o.bin}
	defer func() { b.close(); err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.WriteFile(b.path("bench.rego"), []byte(module()), 0o600); err != nil {
		return nil, err
	}
	upstream, err := freePort()
	if err != nil {
		return nil, err
	}
	if _, err := b.start("bench-echo", []string{"HOST=127.0.0.1", "PORT=" + strconv.Itoa(upstream)}); err != nil {
		return nil, err
	}
	list = []*subject{
		{name: "stock", text: "Envoy alone"},
		{name: "stock.empty-tcp", text: "empty server, TCP", base: "stock", refused: refused},
		{name: emptyUnix, text: "empty server, Unix socket", base: "stock", refused: refused},
		{name: "stock.opa-envoy-plugin", text: "opa-envoy-plugin, TCP", base: "stock", refused: refused},
		{name: "stock.opa-envoy-plugin-unix", text: "opa-envoy-plugin, Unix socket", base: "stock", refused: refused},
	}
	var running []*subject
	for _, s := range list {
		progress("starting an Envoy: %s", s.text)
		switch err := b.subject(ctx, s, upstream); {
		case errors.Is(err, os.ErrNotExist):
			s.lacks = err.Error()
			continue
		case err != nil:
			return nil, fmt.Errorf("%s: %w", s.text, err)
		}
		running = append(running, s)
	}
	return list, o.measure(ctx, running)
}

// subject starts an Envoy, and the daemon that it asks.
func (b *bunch) subject(ctx context.Context, s *subject, upstream int) error {
	asks, err := b.daemon(s)
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	s.envoy, err = b.envoy(s.name, port, upstream, asks)
	if err != nil {
		return err
	}
	s.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	if s.refused != "" {
		s.refused = s.url + refused
	}
	s.url += granted
	return until(ctx, s.probe)
}

// daemon starts what a subject asks, and gives Envoy's address of it; "":
// nobody.
func (b *bunch) daemon(s *subject) (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	tcp, unix := fmt.Sprintf("127.0.0.1:%d", port), "unix:"+b.path(s.name[len("stock"):]+".sock")
	plugin := func(address, listens string) error {
		s.daemon, err = b.start("opa-envoy-plugin", nil, "run", "--server", "--addr="+b.admin(s), "--log-level=error", "--disable-telemetry",
			"--set=plugins.envoy_ext_authz_grpc.addr="+listens, "--set=plugins.envoy_ext_authz_grpc.path=bench/allow",
			"--set=decision_logs.console=false", b.path("bench.rego"))
		return err
	}
	switch s.name {
	case "stock.empty-tcp":
		s.daemon, err = b.start("bench-empty", nil, tcp)
		return tcp, err
	case emptyUnix:
		s.daemon, err = b.start("bench-empty", nil, unix)
		return unix, err
	case "stock.opa-envoy-plugin":
		return tcp, plugin(tcp, tcp)
	case "stock.opa-envoy-plugin-unix":
		return unix, plugin(unix, "unix://"+unix[len("unix:"):])
	}
	return "", nil
}

// admin is where the plugin has its own API.
func (b *bunch) admin(s *subject) string { return "unix://" + filepath.Join(b.dir, s.name+".api") }
