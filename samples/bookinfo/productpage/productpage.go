// Package productpage is the Bookinfo service that people see: it turns the
// answers of details, reviews and ratings into an HTML page, and into a JSON
// API. A peer that fails costs its pane, never the page.
package productpage

import (
	"embed"
	"net/http"

	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

//go:embed static
var static embed.FS

// Peers are the services that the page is made of.
type Peers struct{ Details, Reviews, Ratings service.Peer }

// PeersFromEnv reads DETAILS_URL, REVIEWS_URL and RATINGS_URL.
func PeersFromEnv(getenv func(string) string) Peers {
	return Peers{
		Details: service.PeerFromEnv("details", getenv),
		Reviews: service.PeerFromEnv("reviews", getenv),
		Ratings: service.PeerFromEnv("ratings", getenv),
	}
}

// Handler answers the page, its stylesheet, the sign-in, and /api/v1.
func Handler(c service.Config, peers Peers) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /productpage", &page{pod: c.Pod, peers: peers})
	mux.Handle("GET /static/", http.FileServerFS(static))
	mux.HandleFunc("GET /login", login)
	mux.HandleFunc("GET /logout", logout)
	routeAPI(mux, peers)
	return signedIn(mux)
}
