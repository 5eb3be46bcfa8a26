package productpage

import (
	"io"
	"net/http"
	"strings"

	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

const maxBody = 4096 // bytes

// ownHeaders is the prefix of the response headers that the API hands on.
const ownHeaders = "X-Bookinfo-"

// routeAPI adds the JSON API: the list of books, and under each book what the
// peers say, with their own status.
func routeAPI(mux *http.ServeMux, peers Peers) {
	mux.HandleFunc("GET /api/v1/products", func(w http.ResponseWriter, _ *http.Request) {
		service.WriteJSON(w, http.StatusOK, catalogue)
	})
	mux.Handle("GET /api/v1/products/{id}", forward(peers.Details, "/details/"))
	mux.Handle("GET /api/v1/products/{id}/reviews", forward(peers.Reviews, "/reviews/"))
	mux.Handle("GET /api/v1/products/{id}/ratings", forward(peers.Ratings, "/ratings/"))
	mux.Handle("POST /api/v1/products/{id}/ratings", forward(peers.Ratings, "/ratings/"))
}

// forward hands a request on a known book to a peer.
func forward(peer service.Peer, prefix string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if _, ok := find(id); !ok {
			service.WriteError(w, http.StatusNotFound, "no book has the id %q", id)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			service.WriteError(w, http.StatusRequestEntityTooLarge, "reading the request: %v", err)
			return
		}
		a, err := peer.Call(r, r.Method, prefix+id, body)
		if err != nil {
			service.WriteError(w, http.StatusBadGateway, "%v", err)
			return
		}
		for name, values := range a.Header {
			if name == "Content-Type" || strings.HasPrefix(name, ownHeaders) {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body) // the client went away: nobody is left to tell
	})
}
