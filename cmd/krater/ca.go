package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/spf13/cobra"
)

func caCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Show the mesh's certificate authority, and rotate its root.",
		Long: `Every workload's certificate is issued by the mesh's certificate authority, which
lives in the control plane. These commands ask the control plane on its admin
socket.`,
	}
	cmd.AddCommand(caShowCommand(), caRootsCommand(), caRotateCommand())
	return cmd
}

// meshFlag adds the folder of state, for control planes that `krater up` did
// not start, and gives the client of the mesh that is meant.
func meshFlag(cmd *cobra.Command) func(mesh string) (*controlplane.Client, error) {
	dir := cmd.Flags().String("state", "", "Folder of state of the control plane (default: that of the running mesh).")
	return func(mesh string) (*controlplane.Client, error) {
		find := func() (state.Layout, error) { return state.Find(mesh) }
		if *dir != "" {
			find = func() (state.Layout, error) { return state.New(*dir) }
		}
		layout, err := find()
		if err != nil {
			return nil, err
		}
		return controlplane.NewClient(layout.Path("admin.sock")), nil
	}
}

func caShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show [DIR]",
		Short: "Show the roots, how far a rotation is, and who was refused a certificate.",
		Args:  cobra.MaximumNArgs(1),
	}
	output := outputFlag(cmd, "json or yaml")
	client := meshFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := client(strings.Join(args, ""))
		if err != nil {
			return err
		}
		s, err := c.Authority(cmd.Context())
		if err != nil {
			return err
		}
		return print(cmd.OutOrStdout(), *output, s, func(w io.Writer) error { return caText(w, s) })
	}
	return cmd
}

func caRootsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "roots [DIR]",
		Short: "Print the root certificates that the mesh trusts, in PEM.",
		Long: `Print the root certificates that the mesh trusts, in PEM. They are no secret. An
agent on another machine needs them to know its control plane.`,
		Example: "  krater ca roots > root-cert.pem",
		Args:    cobra.MaximumNArgs(1),
	}
	client := meshFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := client(strings.Join(args, ""))
		if err != nil {
			return err
		}
		text, err := c.Roots(cmd.Context())
		if err == nil {
			_, err = cmd.OutOrStdout().Write(text)
		}
		return err
	}
	return cmd
}

func caRotateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the root, in three steps during which nobody is cut off.",
		Long: `Replace the root certificate, in three steps. Each may be repeated; nothing
happens twice.

  krater ca rotate prepare   makes the next root: all agents learn of it within
                             seconds, and the present one goes on to sign
  krater ca rotate promote   lets the new root sign: agents renew within half a
                             minute; both roots are trusted
  krater ca rotate retire    takes the old root away, once whatever it signed
                             has ended (--force: at once)

An authority that comes from files is rotated by replacing its files.`,
	}
	cmd.AddCommand(
		caStepCommand(controlplane.Prepare, "Make the next root, and let everybody learn of it."),
		caStepCommand(controlplane.Promote, "Let the next root sign; the old one is still trusted."),
		caStepCommand(controlplane.Retire, "Take the old root away."),
	)
	return cmd
}

func caStepCommand(step, short string) *cobra.Command {
	cmd := &cobra.Command{Use: step + " [DIR]", Short: short, Args: cobra.MaximumNArgs(1)}
	force := new(bool)
	if step == controlplane.Retire {
		cmd.Flags().BoolVar(force, "force", false, "Do not wait until what the old root signed has ended: who still has a certificate of it is cut off.")
	}
	output := outputFlag(cmd, "json or yaml")
	client := meshFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := client(strings.Join(args, ""))
		if err != nil {
			return err
		}
		s, err := c.Rotate(cmd.Context(), step, *force)
		if err != nil {
			return err
		}
		return print(cmd.OutOrStdout(), *output, s, func(w io.Writer) error { return caText(w, s) })
	}
	return cmd
}

// caNext says what comes after a stage.
var caNext = map[authority.Stage]string{
	authority.Steady:   "steady: one root signs",
	authority.Prepared: "prepared: everybody learns of the next root; `krater ca rotate promote` lets it sign",
	authority.Promoted: "promoted: the new root signs, the previous one is still trusted; `krater ca rotate retire` takes it away",
}

func caText(w io.Writer, s authority.Status) error {
	fmt.Fprintf(w, "trust domain %s", s.TrustDomain)
	if len(s.Aliases) > 0 {
		fmt.Fprintf(w, " (also %s)", strings.Join(s.Aliases, ", "))
	}
	fmt.Fprintf(w, ", certificates for %s, authority %s\n%s\n\n", s.MaxTTL, s.From, caNext[s.Stage])
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOT\tSHA-256\tENDS\tSUBJECT")
	for _, r := range s.Roots {
		fmt.Fprintf(t, "%s\t%.16s\t%s\t%s\n", r.Role, r.SHA256, r.NotAfter.UTC().Format(time.DateOnly), r.Subject)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if s.Retirable != nil {
		fmt.Fprintf(w, "\nThe previous root can be retired from %s on.\n", s.Retirable.UTC().Format(time.RFC3339))
	}
	if len(s.Refusals) > 0 {
		fmt.Fprintln(w, "\nREFUSED")
	}
	for _, r := range s.Refusals {
		fmt.Fprintln(w, "  "+r.Problem().String())
	}
	return nil
}
