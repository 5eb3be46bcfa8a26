// Package daemon gives policyd and the collector an identity of the mesh, for
// where proxies of other machines reach them, and tells them who those are. On
// the control plane's machine the identity comes by its admin socket, elsewhere
// by a token.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/disk"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/identity/keeper"
)

// Options of a daemon's identity.
type Options struct {
	Name   string // identity.Policyd or identity.Collector
	Dir    string // where key and certificate stay
	Server string // where the control plane serves agents
	Admin  string // the admin socket of a control plane on this machine
	// By these it is got from a control plane elsewhere: files, and a name.
	Token, Root, TrustDomain string
	Logger                   *slog.Logger
}

// tokenTTL is for how long a token lasts that is used at once.
const tokenTTL = 10 * time.Minute

// firstWithin is how long the first certificate may take.
const firstWithin = 30 * time.Second

// Identity is a daemon's. Run keeps it.
type Identity struct {
	*keeper.Keeper
	callers callers
}

// Open finds out whom to trust, and what to ask for a certificate with.
func Open(ctx context.Context, o Options) (*Identity, error) {
	k, err := o.keeper(ctx)
	if err != nil {
		return nil, fmt.Errorf("an identity for %s: %w", o.Name, err)
	}
	return &Identity{Keeper: k, callers: callers{bundle: k.Bundle, changed: k.Changed, logger: o.Logger}}, nil
}

// keeper goes on with the certificate of an earlier run where the control
// plane of this machine is away.
func (o Options) keeper(ctx context.Context) (*keeper.Keeper, error) {
	var roots []byte
	var missing error
	if o.Token == "" {
		if roots, missing = o.introduce(ctx); missing != nil {
			o.recall()
		}
	} else if roots, missing = os.ReadFile(o.Root); missing != nil {
		return nil, fmt.Errorf("reading the mesh's root certificates: %w", missing)
	}
	k, err := keeper.Open(keeper.Options{
		Dir: o.Dir, Server: o.Server, TrustDomain: o.TrustDomain, Roots: roots, TokenFile: o.Token,
		Want: identity.System(o.TrustDomain, o.Name), Logger: o.Logger,
	})
	if missing == nil {
		return k, err
	}
	if err == nil {
		if c, ok := k.Current(); ok && c.Claims == identity.System(c.TrustDomain, o.Name) {
			o.Logger.Warn("the control plane is away; the certificate of before is used", "reason", missing)
			return k, nil
		}
	}
	return nil, missing
}

// introduce has the control plane of this machine make a token, which whoever
// can open its admin socket may do.
func (o *Options) introduce(ctx context.Context) (roots []byte, err error) {
	client := controlplane.NewClient(o.Admin)
	status, err := client.Authority(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w; or name --controlplane, --token and --root", err)
	}
	o.TrustDomain = status.TrustDomain
	if roots, err = client.Roots(ctx); err != nil {
		return nil, err
	}
	self := identity.System(o.TrustDomain, o.Name)
	token, err := client.Token(ctx, authority.Grant{Workload: self.ID(), ServiceAccount: self.ServiceAccount, TTL: tokenTTL, Once: true})
	if err != nil {
		return nil, err
	}
	o.Token = filepath.Join(o.Dir, "token")
	return roots, errors.Join(disk.Write(o.Token, []byte(token.Token)), disk.Write(o.domainFile(), []byte(o.TrustDomain)))
}

// domainFile keeps what a certificate of before is of.
func (o *Options) domainFile() string { return filepath.Join(o.Dir, "trust-domain") }

// recall gives the trust domain of an earlier run.
func (o *Options) recall() {
	if text, err := os.ReadFile(o.domainFile()); err == nil {
		o.TrustDomain = string(text)
	}
}

// First waits for the first certificate, while Run runs.
func (i *Identity) First(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, firstWithin)
	defer cancel()
	_, err := i.Wait(ctx)
	return err
}

// Caller is who makes a call: a member of the mesh whose certificate is good
// at this moment.
func (i *Identity) Caller(ctx context.Context) (namespace, workload string, err error) {
	c, err := i.callers.of(ctx)
	return c.Namespace, c.Workload, err
}
