package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/krater-mesh/krater/xds/artifact"
	"github.com/krater-mesh/krater/xds/artifact/registry"
	"github.com/spf13/cobra"
)

// pushed is what `krater filter push` did.
type pushed struct {
	Image  string `json:"image"`  // with its digest: what a Filter's url may be
	Digest string `json:"digest"` // the module's own
	Size   int    `json:"size"`
	Format string `json:"format"`
}

func filterPushCommand() *cobra.Command {
	var f registryFlags
	var format string
	cmd := &cobra.Command{
		Use:   "push FILE.wasm HOST/NAME:TAG",
		Short: "Write a filter to an OCI registry.",
		Long: `Write a filter to an OCI registry, in one of the formats that Istio takes:

  artifact  an OCI artifact, with the module as a layer of its own (the default)
  oci       an OCI image with plugin.wasm in it
  docker    a docker image with plugin.wasm in it
  wasm      as the Cloud Native Computing Foundation has it; Istio takes this not

The same file has the same digest everywhere. What is printed names it by that
digest: write it as url of a Filter, and nobody can put another module there.`,
		Example: "  krater filter push greeting.wasm registry.example.com/team/greeting:v1\n" +
			"  krater filter push greeting.wasm localhost:5000/greeting:v1 --plain-http",
		Args: cobra.ExactArgs(2),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&format, "format", string(registry.Artifact), "The format: artifact, oci, docker or wasm.")
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains(registry.Formats, registry.Format(format)) {
			return fmt.Errorf("--format %s is not known: there are %v", format, registry.Formats)
		}
		u, err := imageNamed(args[1])
		if err != nil {
			return err
		}
		if u.Digest != "" {
			return errors.New("its digest follows from the file: name a tag")
		}
		code, err := readModule(args[0])
		if err != nil {
			return err
		}
		c, err := f.client(cmd, u)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "krater: pushing %.2f MB to %s ...\n", float64(len(code))/1e6, u)
		digest, err := c.Push(cmd.Context(), u, code, registry.Format(format))
		if err != nil {
			return explained(err, u)
		}
		u.Digest = digest
		sum := sha256.Sum256(code)
		out := pushed{Image: u.String(), Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: len(code), Format: format}
		return print(cmd.OutOrStdout(), *output, out, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, out.Image)
			return err
		})
	}
	return cmd
}

// readModule reads a file that is a Wasm module, or may become one.
func readModule(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > artifact.MaxSize {
		return nil, fmt.Errorf("%s has %d bytes, a module may have %d", file, info.Size(), artifact.MaxSize)
	}
	code, err := os.ReadFile(file)
	if err == nil && !bytes.HasPrefix(code, []byte("\x00asm\x01\x00\x00\x00")) {
		err = fmt.Errorf("%s is no Wasm module: build it with `krater filter build`", file)
	}
	return code, err
}
