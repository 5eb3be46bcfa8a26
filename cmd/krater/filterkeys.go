package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/krater-mesh/krater/disk"
	"github.com/krater-mesh/krater/xds/artifact/signature"
	"github.com/spf13/cobra"
)

// madeKeys is what `krater filter keys` did.
type madeKeys struct {
	Private     string `json:"private"`
	Public      string `json:"public"`
	Fingerprint string `json:"fingerprint"` // as statuses name the signer
	Encrypted   bool   `json:"encrypted"`
}

func filterKeysCommand() *cobra.Command {
	var ed bool
	cmd := &cobra.Command{
		Use:   "keys NAME",
		Short: "Make a pair of keys that filters are signed with.",
		Long: `Make a pair of keys that filters are signed with: NAME.key, which only its owner
may have, and NAME.pub, which the Mesh or a Filter names. They are as cosign makes
them. A password is asked for, or is COSIGN_PASSWORD; with an empty one, or nobody
to ask, the private key is not encrypted.`,
		Example: "  krater filter keys team\n  COSIGN_PASSWORD=… krater filter keys team --ed25519",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().BoolVar(&ed, "ed25519", false, "Keys of Ed25519, not of ECDSA on P-256.")
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		out := madeKeys{Private: args[0] + ".key", Public: args[0] + ".pub"}
		if err := makeKeys(cmd, ed, &out); err != nil {
			return err
		}
		if !out.Encrypted {
			fmt.Fprintf(cmd.ErrOrStderr(), "krater: note: %s is not encrypted: whoever reads it signs in your name\n", out.Private)
		}
		return print(cmd.OutOrStdout(), *output, out, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s and %s: %s\n", out.Private, out.Public, out.Fingerprint)
			return err
		})
	}
	return cmd
}

func makeKeys(cmd *cobra.Command, ed bool, out *madeKeys) error {
	for _, file := range []string{out.Private, out.Public} {
		if _, err := os.Lstat(file); err == nil {
			return fmt.Errorf("%s is there already: what was signed with it would be nobody's", file)
		}
	}
	password, err := keyPassword(cmd, "Password of the new key: ")
	if err != nil {
		return err
	}
	if again, err := keyPassword(cmd, "The same again: "); err != nil || !bytes.Equal(password, again) {
		return errors.Join(err, errors.New("the passwords differ"))
	}
	key, err := signature.NewKey(ed)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	public, err := signature.PublicOf(key)
	if err != nil {
		return err
	}
	text, err := signature.MarshalKey(key, password)
	if err != nil {
		return err
	}
	out.Fingerprint, out.Encrypted = public.Fingerprint(), len(password) > 0
	if err := disk.Write(out.Private, text); err != nil { // for its user only
		return err
	}
	return os.WriteFile(out.Public, public.PEM(), 0o644)
}
