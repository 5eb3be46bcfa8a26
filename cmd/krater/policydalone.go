package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/observe"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd"
	"github.com/krater-mesh/krater/policyd/opaconfig"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// aloneFlags are those of a policyd beside any Envoy.
type aloneFlags struct {
	config string
	set    []string
	send   []string
}

// args are files of Rego and data, where there is a configuration.
func (a *aloneFlags) args(cmd *cobra.Command, args []string) error {
	if a.config == "" {
		return cobra.NoArgs(cmd, args)
	}
	return nil
}

// add adds the flags, and has the command run alone where they say so.
func (a *aloneFlags) add(cmd *cobra.Command, f *daemonFlags) {
	flags := cmd.Flags()
	flags.StringVar(&a.config, "config", "", "OPA's configuration file, with plugins.envoy_ext_authz_grpc: answer any Envoy, without a mesh (docs/from-opa-envoy.md).")
	flags.StringArrayVar(&a.set, "set", nil, "With --config: KEY=VALUE in the place of what the file says; several times for several.")
	flags.StringArrayVar(&a.send, "http-send", nil, "With --config: https://HOST[:PORT] (or http://) that policies may call by http.send; several times for several.")
	_ = flags.SetAnnotation("state", cobra.BashCompOneRequiredFlag, []string{"false"})
	inMesh := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		state := flags.Lookup("state").Value.String()
		switch {
		case a.config != "":
			return a.run(cmd, args, state, f.plaintext)
		case state == "":
			return errors.New(`required flag(s) "state" not set`)
		case len(a.set)+len(a.send) > 0:
			return errors.New("--set and --http-send go with --config")
		}
		return inMesh(cmd, args)
	}
}

func (a *aloneFlags) run(cmd *cobra.Command, files []string, state string, plaintext bool) error {
	for _, name := range []string{"listen", "xds", "controlplane", "token"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s goes without --config", name)
		}
	}
	o := policyd.AloneOptions{StateDir: state, Plain: plaintext, Logger: logger(cmd)}
	text, err := os.ReadFile(a.config)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	if o.Config, err = opaconfig.Read(text, opaconfig.Options{Dir: filepath.Dir(a.config), Set: a.set}); err != nil {
		return fmt.Errorf("%s:\n%w", a.config, err)
	}
	if o.HTTPSend, err = a.httpSend(); err != nil {
		return err
	}
	if err := load(files, &o); err != nil {
		return err
	}
	if otlp := cmd.Flags().Lookup("telemetry").Value.String(); otlp != "" {
		if err := onlyUnix("--telemetry", otlp, "run a collector beside this part"); err != nil {
			return err
		}
		stop, err := observe.Start(cmd.Context(), otlp, "krater-policyd", o.Logger)
		if err != nil {
			return err
		}
		defer stop()
	}
	return policyd.RunAlone(cmd.Context(), o)
}

// httpSend lists what policies may call. Who starts policyd says so: such a
// host may be on this machine, too.
func (a *aloneFlags) httpSend() (*model.HTTPSend, error) {
	if len(a.send) == 0 {
		return nil, nil
	}
	out := &model.HTTPSend{Timeout: model.Duration(5 * time.Second), MaxResponse: 1 << 20}
	for _, text := range a.send {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil {
			return nil, fmt.Errorf("--http-send %s: want https://HOST[:PORT] or http://HOST[:PORT]", text)
		}
		out.Hosts = append(out.Hosts, model.FetchHost{Host: strings.ToLower(u.Host), Private: true, HTTP: u.Scheme == "http"})
	}
	return out, nil
}

// load reads modules and data, as OPA takes them on its command line.
func load(files []string, o *policyd.AloneOptions) error {
	data := map[string]json.RawMessage{}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		switch filepath.Ext(path) {
		case ".rego":
			o.Modules = append(o.Modules, model.RegoModule{Name: path, Source: string(text)})
			continue
		case ".json", ".yaml", ".yml":
		default:
			return fmt.Errorf("%s: want .rego, .json or .yaml", path)
		}
		members := map[string]json.RawMessage{}
		if err := yaml.Unmarshal(text, &members); err != nil {
			return fmt.Errorf("%s: data is an object: %w", path, err)
		}
		for name, v := range members {
			if _, twice := data[name]; twice {
				return fmt.Errorf("%s: data.%s is in another file, too", path, name)
			}
			data[name] = v
		}
	}
	if len(data) == 0 {
		return nil
	}
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("reading data: %w", err)
	}
	o.Data = string(text)
	return nil
}
