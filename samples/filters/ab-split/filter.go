package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Filter gives each visitor a variant, and keeps it by a cookie.
type Filter struct {
	sdk.Base
	config Config
	total  uint64
	given  map[string]sdk.Counter
}

// New reads the configuration.
func New(h sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	f := &Filter{config: c, given: map[string]sdk.Counter{}}
	for _, v := range c.Variants {
		f.total += uint64(v.Weight)
		f.given[v.Name] = h.Counter("ab_split_" + v.Name)
	}
	if f.total == 0 {
		return nil, errors.New("variants: none has a weight")
	}
	return f, nil
}

// OnRequest says by a header which variant a request belongs to, and has the
// proxy choose the route by it.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	cookies, _ := s.Request().Get("cookie")
	variant := cookie(cookies, f.config.Cookie)
	if f.given[variant] == nil {
		id, _ := s.Request().Get("x-request-id")
		variant = f.choose(id)
		s.SetLocal(variant)
		f.given[variant].Add(1)
	}
	s.Request().Set(f.config.Header, variant)
	s.ClearRouteCache()
	return sdk.Continue
}

// OnResponse gives new visitors their cookie.
func (f *Filter) OnResponse(s sdk.Stream) sdk.Verdict {
	if variant, ok := s.Local().(string); ok {
		s.Response().Add("set-cookie", f.config.Cookie+"="+variant+"; Path=/; SameSite=Lax; Max-Age="+
			strconv.FormatInt(int64(f.config.MaxAge/time.Second), 10))
	}
	return sdk.Continue
}

// choose draws a variant by the hash (FNV-1a) of a request's id, which Envoy
// makes at random.
func (f *Filter) choose(id string) string {
	hash := uint64(14695981039346656037)
	for i := 0; i < len(id); i++ {
		hash = (hash ^ uint64(id[i])) * 1099511628211
	}
	hash ^= hash >> 32 // its low bits alone are not even
	at := hash % f.total
	for _, v := range f.config.Variants {
		if at < uint64(v.Weight) {
			return v.Name
		}
		at -= uint64(v.Weight)
	}
	return f.config.Variants[0].Name // not reached: at is below the total
}

// cookie finds a cookie's value; "" is none.
func cookie(cookies, name string) string {
	for part := range strings.SplitSeq(cookies, ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(part), name+"="); ok {
			return value
		}
	}
	return ""
}
