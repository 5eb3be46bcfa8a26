package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// What a request that does not say otherwise is bounded by.
const (
	defaultMaxBytes = 1 << 20
	defaultTimeout  = 10 * time.Second
	defaultInterval = 5 * time.Minute
	maxURL          = 8 << 10
)

// Check says why a text is no URL that anything is fetched from.
func Check(text string) error {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL || err != nil:
		return errors.New("it is no URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("want a URL that begins with https:// or http://")
	case u.Hostname() == "":
		return errors.New("the URL has no host")
	case u.User != nil:
		return errors.New("a URL holds no user and password: who reads it sees them")
	case u.Fragment != "":
		return errors.New("a server is not told what stands behind #")
	}
	return nil
}

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
