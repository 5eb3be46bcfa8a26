package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact/registry"
	"github.com/krater-mesh/krater/xds/artifact/signature"
	"github.com/spf13/cobra"
)

// pulled is what `krater filter pull` did.
type pulled struct {
	File   string `json:"file"`
	Image  string `json:"image"` // with its digest
	Digest string `json:"digest"`
	Size   int    `json:"size"`
	Signer string `json:"signer,omitempty"` // the key's fingerprint
}

func filterPullCommand() *cobra.Command {
	var f registryFlags
	var file, key string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pull HOST/NAME:TAG -o FILE.wasm",
		Short: "Read a filter from an OCI registry into a file.",
		Long: `Read a filter from an OCI registry into a file, whatever format it was written in
there. What does not have the digests that it was declared with is refused. With
--key it is refused, too, if that key's owner has not signed it.`,
		Example: "  krater filter pull registry.example.com/team/greeting:v1 -o greeting.wasm\n" +
			"  krater filter pull registry.example.com/team/greeting@sha256:… -o greeting.wasm --key team.pub",
		Args: cobra.ExactArgs(1),
	}
	f.add(cmd)
	cmd.Flags().StringVarP(&file, "output", "o", "", "The file to write.")
	cmd.Flags().StringVar(&key, "key", "", "A file with the public key that must have signed it.")
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print what was done as JSON.")
	_ = cmd.MarkFlagRequired("output")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		u, err := imageNamed(args[0])
		if err != nil {
			return err
		}
		c, err := f.client(cmd, u)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "krater: pulling %s ...\n", u)
		code, out, err := pull(cmd.Context(), c, u, key)
		if err != nil {
			return explained(err, u)
		}
		out.File = file
		if err := os.WriteFile(file, code, 0o644); err != nil {
			return err
		}
		format := ""
		if asJSON {
			format = "json"
		}
		return print(cmd.OutOrStdout(), format, out, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s: %s, %.2f MB\n", out.File, out.Digest, float64(out.Size)/1e6)
			return err
		})
	}
	return cmd
}

func pull(ctx context.Context, c *registry.Client, u model.ModuleURL, key string) ([]byte, pulled, error) {
	var out pulled
	image, err := c.Open(ctx, u)
	if err != nil {
		return nil, out, err
	}
	if key != "" {
		text, err := os.ReadFile(key)
		if err != nil {
			return nil, out, err
		}
		public, err := signature.ParsePublicKey(string(text))
		if err != nil {
			return nil, out, fmt.Errorf("%s: %w", key, err)
		}
		if out.Signer, err = image.Signer(ctx, []*signature.PublicKey{public}); err != nil {
			return nil, out, err
		}
	}
	code, err := image.Module(ctx)
	if err != nil {
		return nil, out, err
	}
	u.Digest = image.Digest
	sum := sha256.Sum256(code)
	out.Image, out.Digest, out.Size = u.String(), "sha256:"+hex.EncodeToString(sum[:]), len(code)
	return code, out, nil
}
