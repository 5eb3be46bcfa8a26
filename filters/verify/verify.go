// Package verify tells whether a Wasm module may be given to proxies. It reads
// what the module says of itself, starts it with limits, and sends requests or
// connections of many forms through it. It takes bounded time and memory for
// any bytes, and never writes, listens or calls out.
package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Type is what a filter sees, in the words of the declared kinds.
type Type string

// The types. The empty one is HTTP.
const (
	HTTP    Type = "HTTP"
	Network Type = "NETWORK"
)

// Options say what a module is started with, and what it may take.
type Options struct {
	Type   Type
	RootID string
	// Config is what the proxy would hand to the filter; nil if nothing is
	// declared: then a filter that wants a configuration is not tried further.
	Config   []byte
	Env      map[string]string
	Limits   Limits
	Progress func(step string) // told before each step; may be nil
}

// Limits bound what a module may take. Zero fields are the defaults.
type Limits struct {
	Size     int64         // of the file, in bytes; 64 MiB
	Memory   int64         // of the module, in bytes; 128 MiB
	Start    time.Duration // of work until it is configured; 5 s
	Request  time.Duration // of work for one request or connection; 2 s
	Total    time.Duration // for all of it, by the clock; 10 s
	Requests int           // to send through it; 1000
	Growth   int64         // bytes of memory that each request may add for good; 1024
}

func (l Limits) filled() Limits {
	fill(&l.Size, 64<<20)
	fill(&l.Memory, 128<<20)
	fill(&l.Start, 5*time.Second)
	fill(&l.Request, 2*time.Second)
	fill(&l.Total, 10*time.Second)
	fill(&l.Requests, 1000)
	fill(&l.Growth, 1024)
	return l
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Key names a verification: what it came to is true of the same module with
// the same options, and may be kept.
func Key(digest string, o Options) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %q %q %q %t %q %+v", version, digest, o.Type, o.RootID, o.Config == nil, o.Config, o.Limits.filled())
	for _, name := range slices.Sorted(maps.Keys(o.Env)) {
		fmt.Fprintf(h, " %q=%q", name, o.Env[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// version counts the changes that let an old report say less than a new one.
const version = 2

// slots are how many modules run at once: each may take the memory of its
// limit, and a core.
var slots = make(chan struct{}, 2)

// Module verifies all there is to verify.
func Module(ctx context.Context, wasm []byte, o Options) Report { return verify(ctx, wasm, o, true) }

// Start verifies what a module says of itself, and that it takes its
// configuration: for a module that was verified with another one.
func Start(ctx context.Context, wasm []byte, o Options) Report { return verify(ctx, wasm, o, false) }

func (r *Report) tooLarge(limit int64) {
	r.fail(CheckSize, "build it without debugging symbols (Go: -ldflags='-s -w'; Rust: strip = true), or raise the limit",
		"the module has %d bytes; at most %d are taken", r.Size, limit)
}

// verify runs the steps beside itself: should one of them not end in time, its
// caller goes on, and the slot stays taken until it does.
func verify(ctx context.Context, wasm []byte, o Options, requests bool) Report {
	o.Limits = o.Limits.filled()
	r := newReport(wasm, o)
	if int64(len(wasm)) > o.Limits.Size {
		r.tooLarge(o.Limits.Size)
		return r
	}
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		r.fail(CheckTime, "try again", "other modules are being verified: %v", ctx.Err())
		return r
	}
	limit, cancel := context.WithTimeout(ctx, o.Limits.Total)
	defer cancel()
	done := make(chan Report, 1)
	go func() {
		defer func() { <-slots }()
		done <- steps(limit, wasm, o, r, requests)
	}()
	backstop := time.NewTimer(o.Limits.Total + 5*time.Second)
	defer backstop.Stop()
	select {
	case r = <-done:
	case <-backstop.C:
		r.fail(CheckTime, "build it smaller", "the module could not be read and started within %s", o.Limits.Total)
	}
	return r
}
