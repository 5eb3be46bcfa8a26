package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/krater-mesh/krater/config/status"
	"github.com/krater-mesh/krater/model"
)

// Client asks a control plane on its admin socket.
type Client struct{ http *http.Client }

// NewClient makes a client for the socket at path.
func NewClient(path string) *Client {
	return &Client{&http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", path)
			},
		},
	}}
}

// Status asks for the state of the mesh.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, "/status")
}

// Snapshot asks for what is in force.
func (c *Client) Snapshot(ctx context.Context) (model.Snapshot, error) {
	return get[model.Snapshot](ctx, c, "/snapshot")
}

// Fleet asks for what is to run.
func (c *Client) Fleet(ctx context.Context) (Fleet, error) {
	return get[Fleet](ctx, c, "/fleet")
}

// WithPolicySet asks for the changes of the configuration that had a policy set.
func (c *Client) WithPolicySet(ctx context.Context, set string) ([]status.Change, error) {
	return get[[]status.Change](ctx, c, "/history?policySet="+url.QueryEscape(set))
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	return ask[T](ctx, c, http.MethodGet, path, nil)
}

func ask[T any](ctx context.Context, c *Client, method, path string, body any) (T, error) {
	var out T
	text, err := json.Marshal(body)
	if err != nil {
		return out, fmt.Errorf("asking the control plane for %s: %w", path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://controlplane"+path, bytes.NewReader(text))
	if err != nil {
		return out, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return out, fmt.Errorf("the control plane does not answer: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusConflict { // what was asked for cannot be: its text is for people
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return out, errors.New(strings.TrimSpace(string(text)))
	}
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return out, fmt.Errorf("the control plane answers %d to %s: %s", res.StatusCode, path, text)
	}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		return out, fmt.Errorf("reading the control plane's %s: %w", path, err)
	}
	return out, nil
}
