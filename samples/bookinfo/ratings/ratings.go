// Package ratings is the Bookinfo service that keeps the stars, in memory.
// It turns GET /ratings/{id} into JSON, takes POST /ratings/{id}, and calls
// nobody. It checks no rights: the mesh's policy does.
package ratings

import (
	"encoding/json"
	"net/http"

	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

const maxBody = 4096 // bytes

// Ratings are the stars of one book, by reviewer.
type Ratings struct {
	Product string         `json:"product"`
	Stars   map[string]int `json:"stars"` // 1 to 5
	Pod     string         `json:"pod"`
}

// Handler answers GET and POST on /ratings/{id}. A POST's body is the stars
// that change: {"Agathon": 4}.
func Handler(c service.Config) http.Handler {
	h := &handler{pod: c.Pod, ledger: NewLedger()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ratings/{id}", h.get)
	mux.HandleFunc("POST /ratings/{id}", h.post)
	return mux
}

type handler struct {
	pod    string
	ledger *Ledger
}

func (h *handler) get(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	stars, ok := h.ledger.Stars(id)
	h.answer(w, id, stars, ok)
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
	stars, ok := h.ledger.Rate(id, change)
	h.answer(w, id, stars, ok)
}

func (h *handler) answer(w http.ResponseWriter, id string, stars map[string]int, ok bool) {
	if !ok {
		service.WriteError(w, http.StatusNotFound, "no book has the id %q", id)
		return
	}
	service.WriteJSON(w, http.StatusOK, Ratings{Product: id, Stars: stars, Pod: h.pod})
}
