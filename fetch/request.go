package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/krater-mesh/krater/model"
)

// What a request that does not say otherwise is bounded by.
const (
	defaultMaxBytes = 1 << 20
	defaultTimeout  = 10 * time.Second
	defaultInterval = 5 * time.Minute
)

// Check says why a text is no URL that anything is fetched from.
func Check(text string) error { return model.CheckFetchURL(text) }

func (r *Request) check() error {
	if err := Check(r.URL); err != nil {
		return err
	}
	if u, _ := url.Parse(r.URL); r.Authorization != "" && u.Scheme != "https" {
		return fmt.Errorf("%s is not told a password without TLS: use https", u.Host)
	}
	return nil
}

// key tells requests apart.
func (r *Request) key() string {
	b, _ := json.Marshal([]string{r.Kind, r.URL, r.Identity, r.Accept}) // texts only
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

func (r *Request) maxBytes() int64 {
	if r.MaxBytes > 0 {
		return r.MaxBytes
	}
	return defaultMaxBytes
}

func (r *Request) timeout() time.Duration {
	if r.Timeout > 0 {
		return r.Timeout
	}
	return defaultTimeout
}

func (r *Request) interval() time.Duration {
	switch {
	case r.Interval > 0:
		return r.Interval
	case r.Policy != nil && r.Policy.Interval > 0:
		return time.Duration(r.Policy.Interval)
	}
	return defaultInterval
}

func (r *Request) field() string {
	if r.Field != "" {
		return r.Field
	}
	return "spec.fetch"
}
