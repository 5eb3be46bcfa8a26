package main

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/krater-mesh/krater/xds/artifact/signature"
	"github.com/spf13/cobra"
)

// signed is what `krater filter sign` did.
type signed struct {
	Of        string `json:"of"`        // the file, or the image with its digest
	Signature string `json:"signature"` // where it lies
	Signer    string `json:"signer"`    // the key's fingerprint
}

func filterSignCommand() *cobra.Command {
	var f registryFlags
	var key string
	cmd := &cobra.Command{
		Use:   "sign FILE.wasm|oci://HOST/NAME:TAG --key KEY",
		Short: "Sign a filter, in a file or in a registry.",
		Long: `Sign a filter with a key of ` + "`krater filter keys`" + ` or of cosign. The signature of a
file is written beside it, as FILE.wasm.sig: serve both beside each other. That of
an image lies in its registry, beside the image, where cosign looks for it, too.

The control plane takes a module only if it is signed as the Mesh's
spec.filters.signatures, or the Filter's signature.keys, ask.

The password of an encrypted key is asked for, or is COSIGN_PASSWORD.`,
		Example: "  krater filter sign greeting.wasm --key team.key\n" +
			"  krater filter sign oci://registry.example.com/team/greeting@sha256:… --key team.key",
		Args: cobra.ExactArgs(1),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&key, "key", "", "The file with the private key.")
	_ = cmd.MarkFlagRequired("key")
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		signer, by, err := readKey(cmd, key)
		if err != nil {
			return err
		}
		out := signed{Of: args[0], Signer: by.Fingerprint()}
		if strings.HasPrefix(args[0], "oci://") {
			err = signImage(cmd, &f, signer, &out)
		} else {
			err = signFile(signer, &out)
		}
		if err != nil {
			return err
		}
		return print(cmd.OutOrStdout(), *output, out, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, out.Signature)
			return err
		})
	}
	return cmd
}

func readKey(cmd *cobra.Command, file string) (crypto.Signer, *signature.PublicKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	key, err := signature.ParseKey(text, func() ([]byte, error) { return keyPassword(cmd, "Password of "+file+": ") })
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	public, err := signature.PublicOf(key)
	return key, public, err
}

func signFile(key crypto.Signer, out *signed) error {
	code, err := readModule(out.Of)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w; if an image is meant, write oci:// before it", err)
	}
	if err != nil {
		return err
	}
	text, err := signature.Sign(key, code)
	if err != nil {
		return err
	}
	out.Signature = out.Of + ".sig"
	return os.WriteFile(out.Signature, []byte(text+"\n"), 0o644)
}

func signImage(cmd *cobra.Command, f *registryFlags, key crypto.Signer, out *signed) error {
	u, err := imageNamed(out.Of)
	if err != nil {
		return err
	}
	c, err := f.client(cmd, u)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "krater: signing %s ...\n", u)
	digest, err := c.Sign(cmd.Context(), u, key)
	if err != nil {
		return explained(err, u)
	}
	u.Digest = digest
	out.Of = u.String()
	u.Digest, u.Tag = "", signature.Tag(digest)
	out.Signature = u.String()
	return nil
}
