package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"

	"github.com/krater-mesh/krater/agent/care"
	"github.com/krater-mesh/krater/agent/status"
	"github.com/krater-mesh/krater/cmd/krater/vm"
	"github.com/krater-mesh/krater/model"
)

// fromMachine takes the flags that were not given from a machine's folder.
func (f *agentFlags) fromMachine(dir string) error {
	m, err := vm.Read(dir)
	if err != nil {
		return err
	}
	if m.Address, err = m.OwnAddress(); err != nil {
		return err
	}
	for _, x := range []struct {
		flag  *string
		value string
	}{
		{&f.address, m.Address}, {&f.token, filepath.Join(dir, vm.TokenFile)}, {&f.root, filepath.Join(dir, vm.RootFile)},
		{&f.up.ControlPlane, m.ControlPlane}, {&f.up.Policyd, m.Policyd}, {&f.up.OTLP, m.OTLP}, {&f.up.ALS, m.ALS},
	} {
		if *x.flag == "" {
			*x.flag = x.value
		}
	}
	f.trustDomain, f.account = m.TrustDomain, m.ServiceAccount
	f.execProbes = f.execProbes || m.ExecProbes
	return nil
}

// The environment of a sidecar that `krater inject` added.
const (
	appProbesVariable  = "KRATER_APP_PROBES"
	appMetricsVariable = "KRATER_APP_METRICS"
)

// care is what the agent does for its application.
func (f agentFlags) care(getenv func(string) string, quit func(), log *slog.Logger) (care.Options, error) {
	o := care.Options{Address: f.statusAddress, ExecProbes: f.execProbes, Drain: f.drain, Quit: quit, Logger: log}
	if o.Address == "" {
		o.Address = "127.0.0.1"
		if a, err := netip.ParseAddr(f.address); err == nil && a.IsLoopback() {
			o.Address = f.address
		}
	}
	var err error
	if text := getenv(appProbesVariable); text != "" {
		if o.AppProbes, err = status.ReadAppProbes([]byte(text)); err != nil {
			return o, fmt.Errorf("%s: %w", appProbesVariable, err)
		}
	}
	if text := getenv(appMetricsVariable); text != "" {
		if o.AppMetrics, err = readAppMetrics(text); err != nil {
			return o, fmt.Errorf("%s: %w", appMetricsVariable, err)
		}
	}
	return o, nil
}

// readAppMetrics reads "http://127.0.0.1:PORT/PATH": it is always this machine
// that is asked.
func readAppMetrics(text string) (*model.AppMetrics, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no URL", text)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not http://127.0.0.1:PORT/PATH", text)
	}
	return &model.AppMetrics{Port: uint32(port), Path: u.RequestURI(), HTTPS: u.Scheme == "https"}, nil
}
