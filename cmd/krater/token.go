package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/krater-mesh/krater/disk"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/spf13/cobra"
)

func tokenCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Make the tokens by which agents get their first certificate."}
	cmd.AddCommand(tokenCreateCommand())
	return cmd
}

func tokenCreateCommand() *cobra.Command {
	var g authority.Grant
	var file string
	cmd := &cobra.Command{
		Use:   "create --workload NAMESPACE/NAME | --group NAMESPACE/NAME",
		Short: "Make a token for one workload, or for the members of one group.",
		Long: `Make a token by which an agent gets its first certificate. It fixes who the agent
is: the workload, or the WorkloadGroup of which it becomes a member, and the
service account. Whoever has the token can be that until it ends, so hand it over
as you would a password. A certificate that is there renews itself without it.

Without --file the token is printed, and nothing else, to standard output.`,
		Example: "  krater token create --workload shop/cart-v1 --once --file cart.token\n" +
			"  krater token create --group shop/ratings-vm --ttl 24h --file ratings.token",
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&g.Workload, "workload", "", "The workload, NAMESPACE/NAME.")
	f.StringVar(&g.Group, "group", "", "The WorkloadGroup, NAMESPACE/NAME, whose members the token is for.")
	f.StringVar(&g.ServiceAccount, "service-account", "", "The service account (default: the declared one).")
	f.DurationVar(&g.TTL, "ttl", authority.DefaultTokenTTL, fmt.Sprintf("How long the token is good, at most %s.", authority.MaxTokenTTL))
	f.BoolVar(&g.Once, "once", false, "The first certificate uses the token up.")
	f.StringVar(&file, "file", "", "Write the token into this file, for its user only, instead of printing it.")
	cmd.MarkFlagsOneRequired("workload", "group")
	cmd.MarkFlagsMutuallyExclusive("workload", "group")
	output := outputFlag(cmd, "json or yaml")
	client := meshFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if g.TTL < time.Second || g.TTL > authority.MaxTokenTTL {
			return fmt.Errorf("--ttl %s: a token lives from 1s to %s", g.TTL, authority.MaxTokenTTL)
		}
		c, err := client(strings.Join(args, ""))
		if err != nil {
			return err
		}
		t, err := c.Token(cmd.Context(), g)
		if err != nil {
			return err
		}
		if t.Note != "" {
			fmt.Fprintln(os.Stderr, "krater: note: "+t.Note)
		}
		if file != "" {
			if err := writeNew(file, t.Token); err != nil {
				return err
			}
			t.Token = ""
		}
		return print(cmd.OutOrStdout(), *output, t, func(w io.Writer) error {
			if file != "" {
				_, err = fmt.Fprintf(w, "%s: for the %s, service account %s, until %s\n", file, t.Subject, t.Account, t.Expires.UTC().Format(time.RFC3339))
				return err
			}
			_, err = fmt.Fprintln(w, t.Token)
			return err
		})
	}
	return cmd
}

// writeNew writes a secret into a file for its user only, also where a file
// with wider permissions stood there before.
func writeNew(file, text string) error {
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return errors.New(file + " is not a file")
	}
	return disk.Write(file, []byte(text+"\n"))
}
