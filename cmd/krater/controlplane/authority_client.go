package controlplane

import (
	"context"
	"net/http"

	"github.com/krater-mesh/krater/identity/authority"
)

// Authority asks for the state of the certificate authority.
func (c *Client) Authority(ctx context.Context) (authority.Status, error) {
	return get[authority.Status](ctx, c, "/ca/status")
}

// Roots asks for the roots that the mesh trusts, in PEM.
func (c *Client) Roots(ctx context.Context) ([]byte, error) {
	text, err := get[string](ctx, c, "/ca/roots")
	return []byte(text), err
}

// Token has a token made. Without a service account it is for the one that the
// mesh declares.
func (c *Client) Token(ctx context.Context, g authority.Grant) (Token, error) {
	return ask[Token](ctx, c, http.MethodPost, "/ca/token", g)
}

// Rotate does one step of a rotation of the root.
func (c *Client) Rotate(ctx context.Context, step string, force bool) (authority.Status, error) {
	path := "/ca/" + step
	if force {
		path += "?force=true"
	}
	return ask[authority.Status](ctx, c, http.MethodPost, path, nil)
}
