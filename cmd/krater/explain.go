package main

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/explain"
	"github.com/spf13/cobra"
)

func explainCommand() *cobra.Command {
	var r explain.Request
	var to string
	var headers, given []string
	var trace bool
	cmd := &cobra.Command{
		Use:   "explain PATH... --to HOST[:PORT]",
		Short: "Say what the mesh would do with a request, and why, offline.",
		Long: `Say what the mesh would do with a request, and why, offline: the route, each
filter's verdict with its policy and rule, the limits that would be charged, the
attributes that would be drawn.

--from names the calling workload, or the gateway that the request comes in by.
A workload calls as its service account wherever the call is mutual TLS.`,
		Example: "  krater explain samples/bookinfo --from istio-ingressgateway --to localhost --path /productpage\n" +
			"  krater explain samples/bookinfo --from productpage-v1 --to reviews:9080 --path /reviews/0 --header 'end-user=jason'",
		Args: cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringVar(&r.From, "from", "", "The calling workload, or a gateway (default: the first gateway).")
	cmd.Flags().StringVar(&to, "to", "", "The host that is called, with a port where it is not 80.")
	cmd.Flags().StringVar(&r.Method, "method", "GET", "The request's method.")
	cmd.Flags().StringVar(&r.Path, "path", "/", "The request's path, with its query.")
	cmd.Flags().StringArrayVar(&headers, "header", nil, "A header, NAME=VALUE; may be given several times.")
	cmd.Flags().StringVar(&r.SourceAddress, "source-address", "", "The caller's IP address (default: the workload's own, or 127.0.0.1).")
	cmd.Flags().StringVar(&r.Principal, "principal", "", "Who a client of a gateway is by its certificate: TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT.")
	cmd.Flags().StringVar(&r.Body, "body", "", "The request's body.")
	cmd.Flags().StringArrayVar(&given, "attribute", nil, "An attribute that only a running proxy has, NAME=VALUE: of a token, or that a filter sets.")
	cmd.Flags().BoolVar(&trace, "trace", false, "Show how OPA comes to each RegoPolicy's answer.")
	_ = cmd.MarkFlagRequired("to")
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		if err := fillRequest(&r, to, headers); err != nil {
			return err
		}
		for _, a := range given {
			name, value, ok := strings.Cut(a, "=")
			if !ok || name == "" {
				return fmt.Errorf("--attribute %s: want NAME=VALUE", a)
			}
			if r.Attributes == nil {
				r.Attributes = map[string]string{}
			}
			r.Attributes[strings.TrimPrefix(name, "attribute.")] = value
		}
		read, done, err := readOffline(cmd.Context(), paths)
		if err != nil {
			return err
		}
		defer done()
		warn(cmd.ErrOrStderr(), read.Problems)
		e, err := explain.Explain(read.Snapshot, read.Endpoints, decider{cmd.Context(), trace}, r)
		if err != nil {
			return err
		}
		return print(cmd.OutOrStdout(), *output, e, func(w io.Writer) error { return explain.Text(w, e) })
	}
	return cmd
}

// fillRequest reads the flags that have a form of their own.
func fillRequest(r *explain.Request, to string, headers []string) error {
	r.Host = to
	if host, port, err := net.SplitHostPort(to); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil || host == "" {
			return fmt.Errorf("--to %s: want HOST or HOST:PORT", to)
		}
	}
	if !strings.HasPrefix(r.Path, "/") {
		return fmt.Errorf("--path %s: a path begins with /", r.Path)
	}
	r.Headers = explain.Headers{}
	for _, h := range headers {
		name, value, ok := strings.Cut(h, "=")
		if !ok || name == "" {
			return fmt.Errorf("--header %s: want NAME=VALUE", h)
		}
		name = strings.ToLower(name)
		r.Headers[name] = append(r.Headers[name], value)
	}
	return nil
}
