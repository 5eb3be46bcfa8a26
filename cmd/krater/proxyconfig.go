package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/cmd/krater/proxyconfig"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/spf13/cobra"
)

func proxyConfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "proxy-config",
		Aliases: []string{"pc"},
		Short:   "Show what a running proxy is configured with, as tables.",
		Long: `Show what a running proxy is configured with, as its Envoy tells it: not what
the control plane meant to send. Private keys are never shown.`,
		Example: "  krater proxy-config clusters productpage-v1\n" +
			"  krater proxy-config routes istio-ingressgateway --port 80\n" +
			"  krater proxy-config endpoints productpage-v1 --fqdn reviews.default.svc.cluster.local -o json",
	}
	for _, kind := range proxyconfig.Kinds() {
		cmd.AddCommand(proxyConfigKind(kind))
	}
	return cmd
}

func proxyConfigKind(kind string) *cobra.Command {
	var f proxyconfig.Filter
	var mesh, file string
	cmd := &cobra.Command{
		Use:   kind + " PROXY",
		Short: "Show the " + kind + " of a proxy.",
		Args: func(_ *cobra.Command, args []string) error {
			if (file == "") != (len(args) == 1) || len(args) > 1 {
				return fmt.Errorf("name one proxy, or give --file")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&mesh, "mesh", "", "The folder of the mesh (default: the only one that runs).")
	cmd.Flags().StringVarP(&file, "file", "f", "", "Read a saved answer of Envoy's /config_dump?include_eds; - is standard input.")
	cmd.Flags().StringVar(&f.FQDN, "fqdn", "", "Only those of this host.")
	cmd.Flags().StringVar(&f.Port, "port", "", "Only those of this port.")
	cmd.Flags().StringVar(&f.Direction, "direction", "", "Only those of inbound, outbound or gateway.")
	cmd.Flags().StringVar(&f.Subset, "subset", "", "Only those of this subset.")
	cmd.Flags().StringVar(&f.Name, "name", "", "Only the one of this name.")
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in, err := openDump(cmd.Context(), cmd.InOrStdin(), file, strings.Join(args, ""), mesh)
		if err != nil {
			return err
		}
		defer in.Close()
		dump, err := proxyconfig.Read(in)
		if err != nil {
			return err
		}
		table, err := proxyconfig.Of(kind, dump)
		if err != nil {
			return err
		}
		table = table.Where(f)
		return print(cmd.OutOrStdout(), *output, table.Resources(), table.Text)
	}
	return cmd
}

// openDump reads a saved dump, or asks a running proxy.
func openDump(ctx context.Context, stdin io.Reader, file, name, mesh string) (io.ReadCloser, error) {
	switch file {
	case "":
		return askProxy(ctx, name, mesh)
	case "-":
		return io.NopCloser(stdin), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading a saved configuration: %w", err)
	}
	return f, nil
}

// askProxy asks the Envoy of a workload, whose address the control plane knows.
func askProxy(ctx context.Context, name, mesh string) (io.ReadCloser, error) {
	layout, err := state.Find(mesh)
	if err != nil {
		return nil, err
	}
	status, err := controlplane.NewClient(layout.Path("admin.sock")).Status(ctx)
	if err != nil {
		return nil, err
	}
	address, err := proxyAddress(status, name)
	if err != nil {
		return nil, err
	}
	url := "http://" + net.JoinHostPort(address, strconv.Itoa(agent.AdminPort)) + "/config_dump?include_eds"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := (&http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the proxy of %s: %w", name, err)
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("asking the proxy of %s: it answers %s", name, res.Status)
	}
	return res.Body, nil
}

// proxyAddress finds a proxy by "NAMESPACE/NAME", or a name only one has.
func proxyAddress(status controlplane.Status, name string) (string, error) {
	var found, all []string
	for _, p := range status.Proxies {
		all = append(all, p.ID)
		if p.ID == name || strings.HasSuffix(p.ID, "/"+name) {
			found = append(found, p.Address)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("no proxy, or more than one, is named %q; there are:\n  %s", name, strings.Join(all, "\n  "))
	}
	return found[0], nil
}
