package productpage

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"

	"github.com/krater-mesh/krater/samples/bookinfo/details"
	"github.com/krater-mesh/krater/samples/bookinfo/reviews"
	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"full":  func(n int) string { return strings.Repeat("★", min(max(n, 0), 5)) },
	"empty": func(n int) string { return strings.Repeat("☆", 5-min(max(n, 0), 5)) },
}).Parse(pageHTML))

// page answers GET /productpage?id=N.
type page struct {
	pod   string
	peers Peers
}

// view is what the template shows: of each peer its answer, or its error.
type view struct {
	Books        []Product
	Book         Product
	User         string
	Pod          string
	Details      *details.Details
	DetailsError string
	Reviews      *reviews.Reviews
	ReviewsError string
}

// ServeHTTP implements http.Handler.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	if id == "" {
		id = catalogue[0].ID
	}
	book, ok := find(id)
	if !ok {
		service.WriteError(w, http.StatusNotFound, "no book has the id %q", id)
		return
	}
	v := view{Books: catalogue, Book: book, User: r.Header.Get(service.UserHeader), Pod: p.pod}
	v.Details, v.DetailsError = get[details.Details](r, p.peers.Details, "/details/"+id)
	v.Reviews, v.ReviewsError = get[reviews.Reviews](r, p.peers.Reviews, "/reviews/"+id)

	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		service.WriteError(w, http.StatusInternalServerError, "rendering the page: %v", err)
		return
	}
	w.Header().Set("content-type", "text/html; charset=utf-8")
	w.Header().Set("cache-control", "no-store")
	_, _ = b.WriteTo(w) // the client went away: nobody is left to tell
}

// get asks a peer, and gives its answer or the text of its error.
func get[T any](r *http.Request, peer service.Peer, path string) (*T, string) {
	out := new(T)
	if err := peer.GetJSON(r, path, out); err != nil {
		return nil, err.Error()
	}
	return out, ""
}
