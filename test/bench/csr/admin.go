package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"

	"github.com/krater-mesh/krater/identity/authority"
)

// admin asks the control plane on its admin socket.
func (p *plane) admin(ctx context.Context, method, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://controlplane"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", p.socket())
	}}}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the control plane answers %s to %s", res.Status, path)
	}
	return json.NewDecoder(res.Body).Decode(answer)
}

// mint has a token made for a workload.
func (p *plane) mint(ctx context.Context, i int, once bool) (string, error) {
	var t struct {
		Token string `json:"token"`
	}
	err := p.admin(ctx, http.MethodPost, "/ca/token", authority.Grant{Workload: namespace + "/" + name(i), Once: once}, &t)
	return t.Token, err
}
