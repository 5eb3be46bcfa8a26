// Package tour sends a fixed list of requests to a Bookinfo mesh that is up,
// and says of each what was sent, what came back, and what that shows. It
// changes nothing in the mesh, and retries only what is eventual.
package tour

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// ErrStepsFailed says that the mesh did not do what the tour wanted.
var ErrStepsFailed = errors.New("steps of the tour failed")

const (
	requestTimeout = 15 * time.Second
	metricsWait    = 15 * time.Second
	metricsPause   = 500 * time.Millisecond
)

// Options are where the mesh is, and how much to send.
type Options struct {
	Page     string // the gateway: "http://127.80.0.1:8080"
	Metrics  string // the Prometheus page
	Requests int    // how many to measure the split with
}

// Main reads the tour's flags, and takes it. The error is ErrStepsFailed where
// all could be run and a step failed.
func Main(ctx context.Context, out io.Writer, args []string) error {
	var o Options
	flags := flag.NewFlagSet("bookinfo tour", flag.ContinueOnError)
	flags.StringVar(&o.Page, "page", "http://127.80.0.1:8080", "the gateway's `URL`")
	flags.StringVar(&o.Metrics, "metrics", "http://127.0.0.1:9464/metrics", "the Prometheus page's `URL`")
	flags.IntVar(&o.Requests, "requests", 200, "how many requests measure the split")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("reading the flags: %w", err)
	}
	if flags.NArg() > 0 || o.Requests < 50 {
		return errors.New("the tour takes no arguments, and at least 50 --requests")
	}
	o.Page = strings.TrimSuffix(o.Page, "/")
	return Run(ctx, out, o)
}

// Run takes every step, also after one that failed, and then tells what to
// try next.
func Run(ctx context.Context, out io.Writer, o Options) error {
	v := &visit{
		Options: o,
		client:  newClient(),
		wait:    metricsWait,
		pause:   metricsPause,
	}
	defer v.client.CloseIdleConnections()
	return v.run(ctx, out, Steps)
}

func (v *visit) run(ctx context.Context, out io.Writer, steps []Step) error {
	failed := 0
	for i, s := range steps {
		s.announce(out, i+1, v.Options)
		result, err := s.Do(ctx, v)
		if ctx.Err() != nil {
			return fmt.Errorf("taking the tour: %w", ctx.Err())
		}
		if err != nil {
			failed++
		}
		s.conclude(out, result, err)
	}
	fmt.Fprintf(out, "%d of %d steps went as they should.\n", len(steps)-failed, len(steps))
	if failed > 0 {
		return ErrStepsFailed
	}
	next(out, v.Options)
	return nil
}

// newClient asks the mesh directly: an HTTP_PROXY of the shell is not meant.
func newClient() *http.Client {
	return &http.Client{Timeout: requestTimeout, Transport: &http.Transport{}}
}
