package up

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/identity/authority"
)

// tokenTTL is how long a token of this machine's is good: an agent uses it at
// once.
const tokenTTL = 10 * time.Minute

// Admit has an agent on the control plane's own machine get its identity: a
// token from the admin socket, which only its user may open, in a file of the
// agent's folder.
func Admit(ctx context.Context, client *controlplane.Client, workload string, o *agent.Options) error {
	status, err := client.Authority(ctx)
	if err != nil {
		return err
	}
	roots, err := client.Roots(ctx)
	if err != nil {
		return err
	}
	token, err := client.Token(ctx, authority.Grant{Workload: workload, TTL: tokenTTL, Once: true})
	if err != nil {
		return err
	}
	file := filepath.Join(o.StateDir, "token")
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return fmt.Errorf("making the agent's folder: %w", err)
	}
	if err := os.WriteFile(file, []byte(token.Token), 0o600); err != nil {
		return fmt.Errorf("writing the agent's token: %w", err)
	}
	o.TrustDomain, o.Roots, o.TokenFile = status.TrustDomain, roots, file
	o.Proxy.ServiceAccount = token.Account
	return nil
}

// readmit is the task of an agent whose machine slept past the end of its
// certificate: it needs a token again.
func readmit(client *controlplane.Client, o agent.Options) agent.Task {
	return agent.Task{Name: "token", Run: func(ctx context.Context, running *agent.Running) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Minute):
			}
			if _, ok := running.Identity(); ok {
				continue
			}
			if err := Admit(ctx, client, running.Proxy.ID, &o); err != nil {
				return err
			}
		}
	}}
}
