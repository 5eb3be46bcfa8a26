package rego

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/cache"

	"github.com/krater-mesh/krater/fetch/guard"
	"github.com/krater-mesh/krater/model"
)

// httpSend is what a policy's http.send may reach: the hosts of its list, by
// the addresses that these may have, for a bounded time and so many bytes.
type httpSend struct {
	client      http.RoundTripper
	timeout     time.Duration
	maxResponse int64
	kept        cache.InterQueryCache // of answers that say that they may be kept
}

var _ http.RoundTripper = (*httpSend)(nil)

// sendCache bounds what a policy keeps of answers.
const sendCache = 8 << 20

func newHTTPSend(o *model.HTTPSend) *httpSend {
	if o == nil {
		return nil
	}
	size := int64(sendCache)
	config := cache.Config{InterQueryBuiltinCache: cache.InterQueryBuiltinCacheConfig{MaxSizeBytes: &size}}
	return &httpSend{
		client:  guard.NewClient(guard.Options{Policy: &model.FetchPolicy{Hosts: o.Hosts, OnlyHosts: true}, Field: "spec.httpSend"}).Transport,
		timeout: o.Timeout.Std(), maxResponse: o.MaxResponse, kept: cache.NewInterQueryCache(&config),
	}
}

// refuseSend fails the decision, not the call: a policy that asks whom it may
// not is wrong, and `not` of what was refused must not be true.
func refuseSend(c topdown.BuiltinContext, why string) error {
	return topdown.Halt{Err: &topdown.Error{Code: topdown.BuiltinErr, Message: "http.send: " + why, Location: c.Location}}
}

const notListed = "the policy may not call this (spec.httpSend)"

// sendOptions are the parameters of a call that a policy may give. Those that
// read policyd's own files and environment, or would have it trust anybody,
// are none of them.
var sendOptions = map[string]bool{
	"method": true, "url": true, "body": true, "raw_body": true, "headers": true, "timeout": true, "enable_redirect": true,
	"force_json_decode": true, "force_yaml_decode": true, "raise_error": true, "max_retry_attempts": true,
	"cache": true, "force_cache": true, "force_cache_duration_seconds": true, "caching_mode": true, "cache_ignored_headers": true,
}

// guardedSend calls OPA's http.send over a transport that holds to the list.
func guardedSend(original topdown.BuiltinFunc, c topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
	b, ok := c.Cancel.(*budget)
	if !ok || b.send == nil {
		return refuseSend(c, notListed)
	}
	request, ok := operands[0].Value.(ast.Object)
	if !ok {
		return refuseSend(c, notListed)
	}
	for _, key := range request.Keys() {
		if name := textOf(key); !sendOptions[name] {
			return refuseSend(c, name+" is no parameter that a policy may give: name the host's authority in spec.httpSend.hosts")
		}
	}
	if url := request.Get(ast.StringTerm("url")); url == nil || !strings.HasPrefix(textOf(url), "http://") && !strings.HasPrefix(textOf(url), "https://") {
		return refuseSend(c, notListed)
	}
	if !b.spend(b.send.maxResponse * 2) { // its text, and what it is read as
		return b.halt(ast.HTTPSend.Name)
	}
	c.Capabilities = nil // the transport knows ports and addresses, too
	c.InterQueryBuiltinCache = b.send.kept
	c.RoundTripper = func(*http.Transport) http.RoundTripper { return b.send }
	return original(c, operands, iter)
}

// RoundTrip implements http.RoundTripper: one call, or one redirect. Its body
// is read here: OPA does not always end what it does not read.
func (s *httpSend) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	defer cancel()
	response, err := s.client.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, s.maxResponse+1))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if int64(len(body)) > s.maxResponse {
		return nil, errors.New("the response is longer than spec.httpSend.maxResponse")
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}
