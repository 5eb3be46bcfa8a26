package proxyreport

import (
	"time"

	"github.com/krater-mesh/krater/model"
)

// heldFor is for how long requests must wait to be held.
const heldFor = 10 * time.Second

// Held finds out how many requests have waited for long: as many as waited at
// each look of that time. Zero is ready for use, by one goroutine.
type Held struct{ looks []look }

type look struct {
	at, started time.Time
	waiting     int64
}

// Of takes in a report as Take gives it.
func (h *Held) Of(r model.ProxyReport) int64 {
	if n := len(h.looks); n > 0 && h.looks[n-1].started != r.Started {
		h.looks = nil // of another Envoy
	}
	h.looks = append(h.looks, look{r.At, r.Started, r.Held})
	for len(h.looks) > 1 && r.At.Sub(h.looks[1].at) >= heldFor {
		h.looks = h.looks[1:]
	}
	if r.At.Sub(h.looks[0].at) < heldFor {
		return 0
	}
	least := r.Held
	for _, l := range h.looks {
		least = min(least, l.waiting)
	}
	return least
}
