package rollout_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/rollout"
)

// FuzzBook reads a book from a disk, and reports of agents: whatever is in
// them, a filter stays one of the versions that are declared or were before.
func FuzzBook(f *testing.F) {
	fleet := running(3)
	fleet.declare("b1", guarded(steps(5*time.Second, 40)))
	fleet.looks(5)
	book, _ := json.Marshal(fleet.book)
	report, _ := json.Marshal(fleet.proxies[0].report)
	f.Add(book, report)
	f.Add([]byte(`{"records":{"Filter default/f":{"object":{},"new":null,"phase":"STEPPING","step":7}}}`), []byte(`{"requests":-1}`))
	f.Add([]byte(`{"records":{"Filter default/f":null}}`), []byte(`{"latency":[{"upToMs":-1,"count":-5}]}`))
	f.Fuzz(func(t *testing.T, book, report []byte) {
		w := running(3)
		w.declare("b1", guarded(steps(5*time.Second, 40)))
		var b rollout.Book
		if json.Unmarshal(book, &b) != nil {
			return
		}
		b.Mend()
		var r model.ProxyReport
		_ = json.Unmarshal(report, &r)
		w.book = &b
		for range 8 {
			w.now = w.now.Add(2 * time.Second)
			in := w.input()
			r.At = w.now
			for i := range in.Proxies {
				in.Proxies[i].Report = &r
			}
			b.Next(in)
			for _, s := range b.States() {
				for i := range w.proxies {
					if v := s.For(&w.proxies[i].w); v == nil && s.Old != nil {
						t.Fatalf("a proxy has no version: %+v", s)
					}
				}
			}
			b.Problems()
		}
	})
}
