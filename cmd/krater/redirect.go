package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/krater-mesh/krater/agent/dns"
	"github.com/krater-mesh/krater/agent/redirect"
)

// redirectFlags are a redirect.Config as its user writes it.
type redirectFlags struct {
	up, down, print                                          bool
	outbound, inbound                                        uint16
	uids, gids                                               string
	includeInbound, excludeInbound                           string
	includePorts, excludePorts, includeRanges, excludeRanges string
	interfaces, backend                                      string
	dns                                                      bool
}

func redirectCommand() *cobra.Command {
	var f redirectFlags
	cmd := &cobra.Command{
		Use:   "redirect --up|--down|--print",
		Short: "Have the kernel lead this machine's connections to its sidecar.",
		Long: `Have the kernel lead this machine's connections to its sidecar: what programs
call to the outbound port, what others call here to the inbound port. Programs of
the proxy's own user go straight. --up may be repeated: the last one holds. --down
takes away what --up made, and nothing else. It needs root, and nft or iptables.`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.up, "up", false, "Put the rules in force.")
	flags.BoolVar(&f.down, "down", false, "Take the rules away.")
	flags.BoolVar(&f.print, "print", false, "Print the rules, and change nothing.")
	cmd.MarkFlagsMutuallyExclusive("up", "down", "print")
	cmd.MarkFlagsOneRequired("up", "down", "print")
	flags.Uint16Var(&f.outbound, "outbound-port", redirect.OutboundPort, "Where the sidecar takes what programs call.")
	flags.Uint16Var(&f.inbound, "inbound-port", redirect.InboundPort, "Where the sidecar takes what others call here.")
	flags.StringVar(&f.uids, "uid", "1337", "The users that the proxy and its agent run as: their calls go straight.")
	flags.StringVar(&f.gids, "gid", "1337", "The groups, likewise.")
	flags.StringVar(&f.includeInbound, "include-inbound-ports", "*", "Ports of this machine to redirect: all (*), some, or none (empty).")
	flags.StringVar(&f.excludeInbound, "exclude-inbound-ports", "22", "Ports of this machine not to redirect. 15020 and 15021, the agent's, never are.")
	flags.StringVar(&f.includePorts, "include-outbound-ports", "", "Calls to these ports are redirected, whatever their address: all (*), some, or none (empty).")
	flags.StringVar(&f.excludePorts, "exclude-outbound-ports", "", "Calls to these ports are not.")
	flags.StringVar(&f.includeRanges, "include-outbound-ip-ranges", "*", "Calls to these addresses are redirected: all (*), some, or none (empty).")
	flags.StringVar(&f.excludeRanges, "exclude-outbound-ip-ranges", "", "Calls to these addresses are not.")
	flags.StringVar(&f.interfaces, "exclude-interfaces", "", "Network interfaces whose connections are left alone.")
	flags.BoolVar(&f.dns, "dns", false, "Lead lookups to the agent, which knows the mesh's names: those for the resolvers of /etc/resolv.conf.")
	flags.StringVar(&f.backend, "backend", "auto", "What holds the rules: auto, nftables or iptables.")
	output := outputFlag(cmd, "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := f.config()
		switch {
		case err != nil:
			return err
		case f.print:
			return printRedirect(cmd.OutOrStdout(), c, redirect.Backend(f.backend), *output)
		case f.down:
			return redirect.Down(cmd.Context())
		}
		return redirect.Up(cmd.Context(), c, redirect.Backend(f.backend))
	}
	return cmd
}

// config reads the flags.
func (f redirectFlags) config() (redirect.Config, error) {
	c := redirect.Config{OutboundPort: f.outbound, InboundPort: f.inbound, ExcludeInterfaces: redirect.ParseInterfaces(f.interfaces)}
	for _, err := range []error{
		read(&c.UIDs, "uid", f.uids, redirect.ParseIDs),
		read(&c.GIDs, "gid", f.gids, redirect.ParseIDs),
		read(&c.IncludeInboundPorts, "include-inbound-ports", f.includeInbound, redirect.ParsePorts),
		read(&c.ExcludeInboundPorts, "exclude-inbound-ports", f.excludeInbound, redirect.ParsePortList),
		read(&c.IncludeOutboundPorts, "include-outbound-ports", f.includePorts, redirect.ParsePorts),
		read(&c.ExcludeOutboundPorts, "exclude-outbound-ports", f.excludePorts, redirect.ParsePortList),
		read(&c.IncludeOutboundRanges, "include-outbound-ip-ranges", f.includeRanges, redirect.ParseRanges),
		read(&c.ExcludeOutboundRanges, "exclude-outbound-ip-ranges", f.excludeRanges, redirect.ParseRanges),
	} {
		if err != nil {
			return c, err
		}
	}
	if f.dns && !f.down {
		resolvers, err := dns.Resolvers("/etc/resolv.conf")
		if err != nil {
			return c, fmt.Errorf("--dns: %w", err)
		}
		c.Resolvers = resolvers
	}
	return c, c.Validate()
}

func read[T any](into *T, flag, text string, parse func(string) (T, error)) error {
	v, err := parse(text)
	if err != nil {
		return fmt.Errorf("--%s: %w", flag, err)
	}
	*into = v
	return nil
}

// redirectRules is what --print gives: the texts that would be put in force.
type redirectRules struct {
	Backend  redirect.Backend `json:"backend"`
	Config   redirect.Config  `json:"config"`
	NFTables string           `json:"nftables,omitempty"`
	IPv4     string           `json:"ipv4,omitempty"`
	IPv6     string           `json:"ipv6,omitempty"`
}

func printRedirect(w io.Writer, c redirect.Config, b redirect.Backend, format string) error {
	if b != redirect.IPTables {
		b = redirect.NFTables
	}
	out := redirectRules{Backend: b, Config: c}
	if b == redirect.IPTables {
		out.IPv4, out.IPv6 = c.IPTables(false, ""), c.IPTables(true, "")
	} else {
		out.NFTables = c.NFTables()
	}
	return print(w, format, out, func(w io.Writer) error {
		if b == redirect.NFTables {
			_, err := fmt.Fprintf(w, "# nft -f -\n%s", out.NFTables)
			return err
		}
		_, err := fmt.Fprintf(w, "# iptables-restore --noflush\n%s# ip6tables-restore --noflush\n%s", out.IPv4, out.IPv6)
		return err
	})
}

// withRedirect adds the command to the agent's: it is for the same machine.
func withRedirect(agent *cobra.Command) *cobra.Command {
	agent.AddCommand(redirectCommand())
	return agent
}
