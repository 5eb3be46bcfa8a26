package stages

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/fetch"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/bundle"
)

// bundleTimeout is how long one fetch of a bundle may take.
const bundleTimeout = 30 * time.Second

// bundles keeps the bundles that were read: by what they are, and by whom they
// had to be signed.
type bundles struct {
	mu         sync.Mutex
	read, used map[string]readBundle
}

type readBundle struct {
	bundle.Bundle
	err error
}

// round forgets what was not asked for since it was last called.
func (b *bundles) round() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read, b.used = b.used, nil
}

// of reads a bundle, or knows it. Fetching checks by it, in the background.
func (b *bundles) of(key string, data []byte, o bundle.Options) (bundle.Bundle, error) {
	sum := sha256.Sum256(data)
	key += " " + hex.EncodeToString(sum[:])
	b.mu.Lock()
	r, ok := b.used[key]
	if !ok {
		r, ok = b.read[key]
	}
	b.mu.Unlock()
	if !ok {
		r.Bundle, r.err = bundle.Read(data, o)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used == nil {
		b.used = map[string]readBundle{}
	}
	b.used[key] = r
	return r.Bundle, r.err
}

// resolveBundle gives what a policy's bundle holds. What is not signed as it
// has to be is never taken for good: what was there before stays.
func (s *Stages) resolveBundle(r store.BundleRequest) store.BundleAnswer {
	o := bundleOptions(r)
	signers := model.Hash(o)
	check := func(b []byte) error {
		_, err := s.bundles.of(signers, b, o)
		return err
	}
	var data []byte
	out := store.BundleAnswer{}
	if strings.Contains(r.Bundle.URL, "://") {
		a := s.fetched.Get(context.Background(), fetch.Request{URL: r.Bundle.URL, Kind: "bundle", Check: check, Policy: r.Policy,
			Authorization: bearer(r.Token), Identity: bundleIdentity(r, signers), Accept: "application/gzip, */*;q=0.1",
			MaxBytes: bundle.MaxBytes, Timeout: bundleTimeout, Interval: r.Bundle.Refresh.Std()})
		data, out.Pending, out.Message, out.Signature = a.Body, a.Pending, message(a.Err), signature(a.Err)
	} else {
		var err error
		if data, err = s.source.ReadFile(r.Bundle.URL); err != nil {
			return store.BundleAnswer{Message: err.Error()}
		}
	}
	if data == nil {
		return out
	}
	b, err := s.bundles.of(signers, data, o)
	if err != nil {
		return store.BundleAnswer{Message: err.Error(), Signature: signature(err)}
	}
	sum := sha256.Sum256(data)
	out.Modules, out.Data, out.Revision, out.Digest = b.Modules, b.Data, b.Revision, "sha256:"+hex.EncodeToString(sum[:])
	return out
}

func bundleOptions(r store.BundleRequest) bundle.Options {
	o := bundle.Options{}
	if s := r.Bundle.Signature; s != nil {
		o.Scope, o.Exclude, o.Keys = s.Scope, s.Exclude, map[string]bundle.Key{}
		for _, k := range s.Keys {
			text := k.PublicKey
			if k.Secret != nil {
				text = string(r.Keys[k.ID])
			}
			o.Keys[k.ID] = bundle.Key{Algorithm: k.Algorithm, Text: text}
		}
		if len(s.Keys) == 1 { // signatures need not name it
			o.KeyID = s.Keys[0].ID
		}
	}
	return o
}

// bundleIdentity tells fetched bundles apart that must not be taken for each
// other: those that another token got, or other keys signed.
func bundleIdentity(r store.BundleRequest, signers string) string {
	if r.Bundle.Token == nil {
		return signers
	}
	return fmt.Sprintf("%s %s/%s/%s", signers, r.Object.Namespace, r.Bundle.Token.Name, r.Bundle.Token.Key)
}

func bearer(token []byte) string {
	if len(token) == 0 {
		return ""
	}
	return "Bearer " + strings.TrimSpace(string(token))
}

func signature(err error) bool { return errors.Is(err, bundle.ErrSignature) }
