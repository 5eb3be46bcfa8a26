// Command bookinfo is Krater's sample application: four services in one
// binary, and the tour that shows what the mesh does with them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/krater-mesh/krater/samples/bookinfo/details"
	"github.com/krater-mesh/krater/samples/bookinfo/productpage"
	"github.com/krater-mesh/krater/samples/bookinfo/ratings"
	"github.com/krater-mesh/krater/samples/bookinfo/reviews"
	"github.com/krater-mesh/krater/samples/bookinfo/service"
	"github.com/krater-mesh/krater/samples/bookinfo/tour"
)

const usage = `bookinfo productpage|details|reviews|ratings
  serves on 127.0.0.1:$PORT (default 9080; $HOST is the address)
  REVIEWS_VERSION=v1|v2|v3 no stars, black stars, red stars
  DETAILS_URL, REVIEWS_URL, RATINGS_URL: the peers, default http://NAME:9080, through HTTP_PROXY
  MYSQL_DSN: where ratings keeps the stars (USER:PASSWORD@tcp(HOST:PORT)/DATABASE); default: in memory
bookinfo tour [--page URL] [--metrics URL] [--requests N]
  sends the tour's requests to a mesh that is up, and says what each showed
`

// handlers makes each service.
var handlers = map[string]func(service.Config) http.Handler{
	"productpage": func(c service.Config) http.Handler {
		return productpage.Handler(c, productpage.PeersFromEnv(os.Getenv))
	},
	"details": details.Handler,
	"reviews": func(c service.Config) http.Handler {
		return reviews.Handler(c, service.PeerFromEnv("ratings", os.Getenv))
	},
	"ratings": ratings.Handler,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run gives the exit code: 0 good, 1 a step of the tour failed, 2 could not run.
func run(ctx context.Context, args []string) int {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	if args[0] == "tour" {
		return takeTour(ctx, args[1:])
	}
	handler, ok := handlers[args[0]]
	if !ok {
		fmt.Fprintf(os.Stderr, "bookinfo: there is no %q\n%s", args[0], usage)
		return 2
	}
	c := service.FromEnv(args[0], os.Getenv)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := service.Serve(ctx, log, c, handler(c)); err != nil {
		fmt.Fprintf(os.Stderr, "bookinfo: %v\n", err)
		return 2
	}
	return 0
}

func takeTour(ctx context.Context, args []string) int {
	err := tour.Main(ctx, os.Stdout, args)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, tour.ErrStepsFailed):
		return 1
	}
	fmt.Fprintf(os.Stderr, "bookinfo: %v\n", err)
	return 2
}
