package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/krater-mesh/krater/fetch/guard"
)

// look is what one request to a server came to.
type look struct {
	body           []byte
	etag, modified string
	same           bool          // it is what there was before
	fresh          time.Duration // for how long it is good, as the server says
}

// BadStatus is an answer that is no success.
type BadStatus struct {
	Host   string
	Status int
	after  time.Duration
}

func (e *BadStatus) Error() string {
	return fmt.Sprintf("%s answers %d %s", e.Host, e.Status, http.StatusText(e.Status))
}

// look asks the server once. before is what is known already.
func (s *Store) look(ctx context.Context, r *Request, before kept) (look, error) {
	client := s.client(guard.Options{Policy: r.Policy, Field: r.field(), Resolver: s.o.Resolver})
	defer client.CloseIdleConnections()
	client.CheckRedirect = discreet(client.CheckRedirect)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return look{}, err
	}
	for name, value := range map[string]string{"Accept": r.Accept, "Authorization": r.Authorization, "User-Agent": "krater"} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	switch {
	case before.body == nil:
	case before.ETag != "":
		req.Header.Set("If-None-Match", before.ETag)
	case before.Modified != "":
		req.Header.Set("If-Modified-Since", before.Modified)
	}
	resp, err := client.Do(req)
	if err != nil {
		return look{}, err
	}
	defer resp.Body.Close()
	out := look{etag: resp.Header.Get("ETag"), modified: resp.Header.Get("Last-Modified"), fresh: maxAge(resp.Header.Get("Cache-Control"))}
	switch {
	case resp.StatusCode == http.StatusNotModified && (before.ETag != "" || before.Modified != "") && before.body != nil:
		out.same, out.etag, out.modified = true, before.ETag, before.Modified
		return out, nil
	case resp.StatusCode != http.StatusOK:
		return look{}, &BadStatus{req.URL.Host, resp.StatusCode, seconds(resp.Header.Get("Retry-After"))}
	case resp.ContentLength > r.maxBytes():
		return look{}, fmt.Errorf("it has %d bytes, more than the %d that are taken", resp.ContentLength, r.maxBytes())
	}
	out.body, err = io.ReadAll(io.LimitReader(resp.Body, r.maxBytes()+1))
	if err == nil && int64(len(out.body)) > r.maxBytes() {
		err = fmt.Errorf("it has more than the %d bytes that are taken", r.maxBytes())
	}
	return out, err
}

// discreet tells who is redirected to nothing that is the first server's.
func discreet(check func(*http.Request, []*http.Request) error) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		req.Header.Del("Referer")
		if req.URL.Scheme != "https" || req.URL.Host != via[0].URL.Host {
			req.Header.Del("Authorization")
		}
		if check == nil {
			return nil
		}
		return check(req, via)
	}
}

// maxAge is what a Cache-Control header says of for how long an answer is good.
func maxAge(header string) time.Duration {
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(name, "max-age") {
			return seconds(strings.Trim(value, `"`))
		}
	}
	return 0
}

func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// reason is an error as people are told it, in the same words each time: with
// nothing of a URL that a server sent us to, and without ports of our own.
func reason(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("it did not come in time: the server is too slow, or does not end")
	}
	plain := guard.Plain(err)
	var refused *guard.Refusal
	if errors.As(plain, &refused) {
		return refused
	}
	var op *net.OpError
	if errors.As(plain, &op) && op.Op != "dial" {
		return fmt.Errorf("the connection broke: %w", op.Err)
	}
	return plain
}
