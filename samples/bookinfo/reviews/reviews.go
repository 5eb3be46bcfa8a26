// Package reviews is the Bookinfo service with three versions: v1 gives text
// alone, v2 and v3 ask ratings and add stars, black and red. Where ratings
// fail it still gives the text, and says what failed.
package reviews

import (
	"net/http"

	"github.com/krater-mesh/krater/samples/bookinfo/ratings"
	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

// Reviews are what was written about one book, and who answered.
type Reviews struct {
	Product      string   `json:"product"`
	Version      string   `json:"version"`
	Pod          string   `json:"pod"`
	Stars        string   `json:"stars,omitempty"` // their colour: "black", "red", or none
	Reviews      []Review `json:"reviews"`
	RatingsError string   `json:"ratingsError,omitempty"`
}

// Review is one reviewer's text; Rating is 0 where there is none.
type Review struct {
	Reviewer string `json:"reviewer"`
	Text     string `json:"text"`
	Rating   int    `json:"rating,omitempty"` // 1 to 5
}

// colours are the stars of each version; v1 has none.
var colours = map[string]string{"v2": "black", "v3": "red"}

// Handler answers GET /reviews/{id} as c.Version does.
func Handler(c service.Config, peer service.Peer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /reviews/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		written, ok := texts[id]
		if !ok {
			service.WriteError(w, http.StatusNotFound, "no book has the id %q", id)
			return
		}
		out := Reviews{Product: id, Version: c.Version, Pod: c.Pod, Stars: colours[c.Version]}
		out.Reviews = append(out.Reviews, written...)
		if out.Stars != "" {
			rate(r, peer, &out)
		}
		service.WriteJSON(w, http.StatusOK, out)
	})
	return mux
}

// rate adds the stars, or says why there are none.
func rate(r *http.Request, peer service.Peer, out *Reviews) {
	var got ratings.Ratings
	if err := peer.GetJSON(r, "/ratings/"+out.Product, &got); err != nil {
		out.RatingsError = err.Error()
		return
	}
	for i := range out.Reviews {
		out.Reviews[i].Rating = got.Stars[out.Reviews[i].Reviewer]
	}
}
