package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/krater-mesh/krater/fetch/guard"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact/registry"
	"github.com/krater-mesh/krater/xds/artifact/signature"
)

// Signature is why a module's signature is no good. A module that shows it is
// never published.
type Signature struct{ reason string }

func (e *Signature) Error() string { return e.reason }

// got is what was fetched.
type got struct {
	code   []byte
	image  string // the manifest's digest, of an image
	others string // another digest that a pin may name: of the index
	signer string
	same   bool // it is what was had before: code was not fetched again
}

// fetch gets a module, checks it and keeps it.
func (s *Store) fetch(ctx context.Context, w *wanted, before model.Module) (model.Module, error) {
	g, err := s.get(ctx, w, before)
	if err != nil {
		return model.Module{}, reason(ctx, err)
	}
	if g.same {
		before.Signer = g.signer
		return before, s.remember(w, before)
	}
	digest := sha256.Sum256(g.code)
	sum := hex.EncodeToString(digest[:])
	if err := checkCode(w.text, g.code); err != nil {
		return model.Module{}, err
	}
	if err := checkPin(w, g, sum); err != nil {
		return model.Module{}, err
	}
	if err := s.verify(ctx, w, g.code, sum); err != nil {
		return model.Module{}, err
	}
	m, err := s.keep(w.text, g.code)
	if err != nil {
		return model.Module{}, err
	}
	m.Image, m.Signer = g.image, g.signer
	return m, s.remember(w, m)
}

// tries is how often something is asked for that may come the next moment.
const tries = 3

func (s *Store) get(ctx context.Context, w *wanted, before model.Module) (g got, err error) {
	if w.url.Scheme == "file" {
		return readFile(w)
	}
	client := guard.NewClient(guard.Options{Policy: w.Policy.Fetch(), Field: "spec.filters", Resolver: s.o.Resolver})
	defer client.CloseIdleConnections()
	for n := range tries {
		if w.url.Scheme == "oci" {
			g, err = s.getImage(ctx, client, w, before)
		} else {
			g, err = getURL(ctx, client, w)
		}
		if err == nil || !passing(err) || n == tries-1 {
			break
		}
		select {
		case <-time.After(time.Duration(n+1) * s.o.Times.Retry / 20):
		case <-ctx.Done():
			return g, err
		}
	}
	return g, err
}

// passing tells whether the next try may go better.
func passing(err error) bool {
	var refused *guard.Refusal
	var invalid *registry.Invalid
	var wrong *Signature
	var answer *badAnswer
	switch {
	case errors.As(err, &refused), errors.As(err, &invalid), errors.As(err, &wrong):
		return false
	case errors.As(err, &answer):
		return answer.status >= 500 || answer.status == http.StatusTooManyRequests
	}
	status := registry.Answer(err)
	return status == 0 || status >= 500 || status == http.StatusTooManyRequests
}

func (s *Store) getImage(ctx context.Context, client *http.Client, w *wanted, before model.Module) (got, error) {
	c := &registry.Client{HTTP: client, MaxBytes: w.limit()}
	if h := w.Policy.Fetch().HostNamed(w.url.Host); h != nil {
		c.PlainHTTP = h.HTTP
	}
	if w.Registries != nil {
		var err error
		if c.Credential, err = registry.FromDockerConfig(w.Registries); err != nil {
			return got{}, err
		}
	}
	image, err := c.Open(ctx, w.url)
	if err != nil {
		return got{}, err
	}
	g := got{image: image.Manifest, others: image.Digest}
	for i, keys := range w.keys {
		by, err := image.Signer(ctx, keys)
		var unsigned *registry.Unsigned
		if errors.As(err, &unsigned) {
			return got{}, &Signature{unsigned.Error()}
		}
		if err != nil {
			return got{}, err
		}
		if i == 0 {
			g.signer = by
		}
	}
	if g.same = before.Digest != "" && before.Image == g.image; g.same {
		return g, nil
	}
	g.code, err = image.Module(ctx)
	return g, err
}

// reason is an error as people are told it: without what a server sent them to
// elsewhere, and with a word on time.
func reason(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("it did not come in time: the server is too slow, or does not end")
	}
	switch registry.Answer(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return errors.New("the registry does not give it to this user: is there a pull Secret for it, and is it there at all?")
	case http.StatusNotFound:
		return errors.New("the registry has no such image")
	}
	if registry.Gone(err) {
		return errors.New("the registry has no such image")
	}
	return guard.Plain(err)
}

// checkPin compares what came with the digest that is asked for: the module's
// or, of an image, the manifest's.
func checkPin(w *wanted, g got, sum string) error {
	if w.pin == "" {
		return nil
	}
	pin := strings.ToLower(w.pin)
	if pin == digestPrefix+sum || g.image != "" && (pin == g.image || pin == g.others) {
		return nil
	}
	if g.image != "" {
		return fmt.Errorf("%s is the image %s, and the module in it %s%s: neither is the pinned %s", w.text, g.others, digestPrefix, sum, pin)
	}
	return fmt.Errorf("%s has SHA-256 %s, not the pinned %s: the file was changed, or the pin is another module's", w.text, sum, strings.TrimPrefix(pin, digestPrefix))
}

// signedBy checks a detached signature.
func signedBy(w *wanted, code []byte, text string) (string, error) {
	first := ""
	for i, keys := range w.keys {
		by, ok := signature.Signer(keys, code, text)
		if !ok {
			return "", &Signature{"its signature is by none of the wanted keys, or is another file's"}
		}
		if i == 0 {
			first = by
		}
	}
	return first, nil
}
