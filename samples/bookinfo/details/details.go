// Package details is the Bookinfo service that knows a book's plain facts.
// It turns GET /details/{id} into JSON and calls nobody.
package details

import (
	"net/http"

	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

// Details are the facts about one book.
type Details struct {
	Product  string `json:"product"`
	Author   string `json:"author"`
	Written  string `json:"written"`
	Language string `json:"language"`
	Form     string `json:"form"`
	Place    string `json:"place"`
	Pod      string `json:"pod"`
}

var books = map[string]Details{
	"0": {Author: "Plato", Written: "about 380 BC", Language: "Attic Greek", Form: "dialogue", Place: "Athens"},
	"1": {Author: "Aristophanes", Written: "405 BC", Language: "Attic Greek", Form: "comedy", Place: "Athens"},
	"2": {Author: "Athenaeus", Written: "about AD 200", Language: "Koine Greek", Form: "fifteen books of dinner talk", Place: "Naucratis"},
}

// Handler answers GET /details/{id}.
func Handler(c service.Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /details/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		d, ok := books[id]
		if !ok {
			service.WriteError(w, http.StatusNotFound, "no book has the id %q", id)
			return
		}
		d.Product, d.Pod = id, c.Pod
		service.WriteJSON(w, http.StatusOK, d)
	})
	return mux
}
