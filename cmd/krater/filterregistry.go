package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact"
	"github.com/krater-mesh/krater/xds/artifact/registry"
	"github.com/spf13/cobra"
	"golang.org/x/term"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// registryFlags say how a registry is reached, and as whom.
type registryFlags struct {
	plainHTTP, passwordStdin bool
	user                     string
}

func (f *registryFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.plainHTTP, "plain-http", false, "Reach the registry without TLS.")
	cmd.Flags().StringVar(&f.user, "username", "", "The registry's user (default: as docker's configuration has it).")
	cmd.Flags().BoolVar(&f.passwordStdin, "password-stdin", false, "Read the user's password from standard input.")
	cmd.MarkFlagsRequiredTogether("username", "password-stdin")
}

func (f *registryFlags) client(cmd *cobra.Command, u model.ModuleURL) (*registry.Client, error) {
	c := &registry.Client{HTTP: &http.Client{}, PlainHTTP: f.plainHTTP, MaxBytes: artifact.MaxSize}
	if f.user != "" {
		line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 1<<16)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading the password from standard input: %w", err)
		}
		c.Credential = auth.StaticCredential(u.Host, auth.Credential{Username: f.user, Password: strings.TrimRight(line, "\r\n")})
		return c, nil
	}
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return nil, errors.New("docker's configuration cannot be read: is it JSON?") // the error may quote it
	}
	c.Credential = credentials.Credential(store)
	return c, nil
}

// imageNamed reads an image's reference, with oci:// before it or without.
func imageNamed(text string) (model.ModuleURL, error) {
	u, err := model.ParseModuleURL("oci://" + strings.TrimPrefix(text, "oci://"))
	if err != nil {
		return u, fmt.Errorf("%s is no image: %w", text, err)
	}
	return u, nil
}

// keyPassword is that of a private key: COSIGN_PASSWORD as for cosign, else it
// is asked for. Nobody there to ask, it is empty.
func keyPassword(cmd *cobra.Command, prompt string) ([]byte, error) {
	if text, ok := os.LookupEnv("COSIGN_PASSWORD"); ok {
		return []byte(text), nil
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, nil
	}
	fmt.Fprint(cmd.ErrOrStderr(), prompt)
	b, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(cmd.ErrOrStderr())
	if err != nil {
		return nil, fmt.Errorf("reading the password: %w", err)
	}
	return b, nil
}

// explained is a registry's error, with what may be done about it.
func explained(err error, u model.ModuleURL) error {
	switch registry.Answer(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s does not let this user: log in with docker login %s, or give --username and --password-stdin", u.Host, u.Host)
	}
	if strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return fmt.Errorf("%s speaks no TLS: if that is meant, give --plain-http", u.Host)
	}
	if registry.Gone(err) {
		return fmt.Errorf("there is no %s", u)
	}
	return err
}
