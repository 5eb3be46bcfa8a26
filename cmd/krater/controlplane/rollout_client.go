package controlplane

import (
	"context"
	"net/http"
	"net/url"
)

// PromoteRollout gives a filter's new version to all its proxies.
func (c *Client) PromoteRollout(ctx context.Context, object string) ([]RolloutStatus, error) {
	return ask[[]RolloutStatus](ctx, c, http.MethodPost, "/rollouts/"+promoteRollout+"?object="+url.QueryEscape(object), nil)
}

// AbortRollout takes a filter's new version back.
func (c *Client) AbortRollout(ctx context.Context, object string) ([]RolloutStatus, error) {
	return ask[[]RolloutStatus](ctx, c, http.MethodPost, "/rollouts/"+abortRollout+"?object="+url.QueryEscape(object), nil)
}
