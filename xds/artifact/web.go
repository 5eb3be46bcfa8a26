package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/krater-mesh/krater/xds/artifact/registry"
	"github.com/krater-mesh/krater/xds/artifact/signature"
)

// sigSuffix is what the name of a detached signature ends with, as cosign
// writes them.
const sigSuffix = ".sig"

// badAnswer is a status that is no success.
type badAnswer struct {
	host   string
	status int
}

func (e *badAnswer) Error() string {
	return fmt.Sprintf("%s answers %d %s", e.host, e.status, http.StatusText(e.status))
}

// getURL fetches a module from a web server, its signature first: what nobody
// signed is not even asked for.
func getURL(ctx context.Context, client *http.Client, w *wanted) (got, error) {
	sig := ""
	if len(w.keys) > 0 {
		u := w.url
		u.Path += sigSuffix
		b, err := download(ctx, client, w, u.String(), signature.MaxSize)
		var answer *badAnswer
		if errors.As(err, &answer) && (answer.status == http.StatusNotFound || answer.status == http.StatusForbidden) {
			return got{}, &Signature{fmt.Sprintf("it is not signed: there is no signature at its URL with %s behind the path", sigSuffix)}
		}
		if err != nil {
			return got{}, fmt.Errorf("fetching its signature: %w", err)
		}
		sig = string(b)
	}
	code, err := download(ctx, client, w, w.url.String(), w.limit())
	if err != nil {
		return got{}, err
	}
	by, err := signedBy(w, code, sig)
	return got{code: code, signer: by}, err
}

func download(ctx context.Context, client *http.Client, w *wanted, url string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/wasm, application/octet-stream, */*;q=0.1")
	if user, password := userOf(ctx, w); user != "" && req.URL.Scheme == "https" {
		req.SetBasicAuth(user, password)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &badAnswer{req.URL.Host, resp.StatusCode}
	}
	if resp.ContentLength > limit {
		return nil, tooLarge(resp.ContentLength, limit)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, tooLarge(0, limit)
	}
	return b, err
}

// large is a module that no time makes smaller.
func tooLarge(size, limit int64) error {
	if size > 0 {
		return fmt.Errorf("it has %d bytes, a module may have %d", size, limit)
	}
	return fmt.Errorf("it has more than the %d bytes that a module may have", limit)
}

// userOf is who the pull Secret says to be at the URL's host.
func userOf(ctx context.Context, w *wanted) (user, password string) {
	if w.Registries == nil || !json.Valid(w.Registries) {
		return "", ""
	}
	find, err := registry.FromDockerConfig(w.Registries)
	if err != nil {
		return "", ""
	}
	c, err := find(ctx, w.url.Host)
	if err != nil {
		return "", ""
	}
	return c.Username, c.Password
}
