// Package ratings is the Bookinfo service that keeps the stars, in memory or
// in a database. It turns GET /ratings/{id} into JSON, takes POST /ratings/{id}, and calls
// nobody. It checks no rights: the mesh's policy does.
package ratings

import (
	"context"
	"encoding/json"
	"net/http"
	"os"

	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

const maxBody = 4096 // bytes

// Ratings are the stars of one book, by reviewer.
type Ratings struct {
	Product string         `json:"product"`
	Stars   map[string]int `json:"stars"` // 1 to 5
	Pod     string         `json:"pod"`
}

// book is where the stars are. ok is false where there is no such book.
type book interface {
	Stars(ctx context.Context, id string) (stars map[string]int, ok bool, err error)
	Rate(ctx context.Context, id string, change map[string]int) (stars map[string]int, ok bool, err error)
}

// Handler answers GET and POST on /ratings/{id}. A POST's body is the stars
// that change: {"Agathon": 4}. With MYSQL_DSN they are in that database.
func Handler(c service.Config) http.Handler {
	h := &handler{pod: c.Pod, book: NewLedger()}
	if dsn := os.Getenv("MYSQL_DSN"); dsn != "" {
		h.book = openDatabase(dsn)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ratings/{id}", h.get)
	mux.HandleFunc("POST /ratings/{id}", h.post)
	return mux
}

type handler struct {
	pod  string
	book book
}

func (h *handler) get(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	stars, ok, err := h.book.Stars(r.Context(), id)
	h.answer(w, id, stars, ok, err)
}

func (h *handler) post(w http.ResponseWriter, r *http.Request) {
	var change map[string]int
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&change); err != nil {
		service.WriteError(w, http.StatusBadRequest, `send the stars by reviewer, as {"Agathon": 4}: %v`, err)
		return
	}
	for who, n := range change {
		if n < 1 || n > 5 {
			service.WriteError(w, http.StatusBadRequest, "%d stars by %q: a rating has 1 to 5", n, who)
			return
		}
	}
	id := r.PathValue("id")
	stars, ok, err := h.book.Rate(r.Context(), id, change)
	h.answer(w, id, stars, ok, err)
}

func (h *handler) answer(w http.ResponseWriter, id string, stars map[string]int, ok bool, err error) {
	if err != nil {
		service.WriteError(w, http.StatusServiceUnavailable, "the ratings cannot be had: %v", err)
		return
	}
	if !ok {
		service.WriteError(w, http.StatusNotFound, "no book has the id %q", id)
		return
	}
	service.WriteJSON(w, http.StatusOK, Ratings{Product: id, Stars: stars, Pod: h.pod})
}
