package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/explain"
	"github.com/spf13/cobra"
)

func explainCommand() *cobra.Command {
	var r explain.Request
	var to string
	var headers, given []string
	var trace bool
	var token string
	var id string
	cmd := &cobra.Command{
		Use:   "explain PATH... --to HOST[:PORT] | explain --request-id ID [DIR]",
		Short: "Say what the mesh would do with a request, and why, offline.",
		Long: `Say what the mesh would do with a request, and why, offline: the route, each
filter's verdict with its policy and rule, the limits that would be charged, the
attributes that would be drawn.

--from names the calling workload, or the gateway that the request comes in by.
A workload calls as its service account wherever the call is mutual TLS.

--request-id tells of a request that happened, in the running mesh of DIR: which
proxies it passed, who decided about it and what policies in shadow would have
said. The id is that of x-request-id, of the trace, or of a decision.`,
		Example: "  krater explain samples/bookinfo --from istio-ingressgateway --to localhost --path /productpage\n" +
			"  krater explain samples/bookinfo --from productpage-v1 --to reviews:9080 --path /reviews/0 --header 'end-user=jason'",
	}
	cmd.Flags().StringVar(&id, "request-id", "", "Tell of this request, which happened.")
	find := recordsFlag(cmd)
	cmd.Flags().StringVar(&r.From, "from", "", "The calling workload, or a gateway (default: the first gateway).")
	cmd.Flags().StringVar(&to, "to", "", "The host that is called, with a port where it is not 80.")
	cmd.Flags().StringVar(&r.Method, "method", "GET", "The request's method.")
	cmd.Flags().StringVar(&r.Path, "path", "/", "The request's path, with its query.")
	cmd.Flags().StringArrayVar(&headers, "header", nil, "A header, NAME=VALUE; may be given several times.")
	cmd.Flags().StringVar(&r.SourceAddress, "source-address", "", "The caller's IP address (default: the workload's own, or 127.0.0.1).")
	cmd.Flags().StringVar(&r.Principal, "principal", "", "Who a client of a gateway is by its certificate: TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT.")
	cmd.Flags().StringVar(&r.Body, "body", "", "The request's body.")
	cmd.Flags().StringArrayVar(&given, "attribute", nil, "An attribute that only a running proxy has, NAME=VALUE: of a token, or that a filter sets.")
	cmd.Flags().StringVar(&token, "token", "", "A token, as Authorization: Bearer; \"-\" reads it from the standard input.")
	cmd.Flags().DurationVar((*time.Duration)(&r.Unheard), "unheard", 0, "For how long the proxies have heard nothing of the control plane.")
	cmd.Flags().BoolVar(&trace, "trace", false, "Show how OPA comes to each RegoPolicy's answer.")
	cmd.MarkFlagsOneRequired("to", "request-id")
	cmd.MarkFlagsMutuallyExclusive("to", "request-id")
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		if id != "" {
			return explainHappened(cmd, find, id, *output, paths)
		}
		if len(paths) == 0 {
			return errors.New("explain needs the files of a mesh: explain PATH... --to HOST")
		}
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
		if err := bearer(&r, cmd.InOrStdin(), token); err != nil {
			return err
		}
		r.Now = time.Now()
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

func explainHappened(cmd *cobra.Command, find func(string) (state.Layout, error), id, output string, paths []string) error {
	if len(paths) > 1 {
		return errors.New("--request-id: name the folder of one running mesh")
	}
	l, err := find(strings.Join(paths, ""))
	if err != nil {
		return err
	}
	h, err := explainRecord(cmd.Context(), l, id)
	if err != nil {
		return err
	}
	return print(cmd.OutOrStdout(), output, h, h.text)
}

// bearer has the request carry a token.
func bearer(r *explain.Request, in io.Reader, token string) error {
	if token == "" {
		return nil
	}
	if token == "-" {
		b, err := io.ReadAll(io.LimitReader(in, 1<<20))
		if err != nil {
			return fmt.Errorf("reading the token: %w", err)
		}
		token = strings.TrimSpace(string(b))
	}
	r.Headers["authorization"] = append(r.Headers["authorization"], "Bearer "+token)
	return nil
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
