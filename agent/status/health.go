package status

import (
	"fmt"
	"net/http"
	"sync"
)

// Health is what is known of an application, and that its agent ends.
type Health struct {
	mu           sync.Mutex
	known        bool
	well, ending bool
	why          string
	changed      func(healthy bool, why string)
}

// NewHealth makes one that tells somebody of each change.
func NewHealth(changed func(healthy bool, why string)) *Health { return &Health{changed: changed} }

// Report takes in what the application is. Who ends says nothing good any more.
func (h *Health) Report(well bool, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known, h.well, h.why = true, well, why
	if !h.ending {
		h.changed(well, why)
	}
}

// End says that the agent ends.
func (h *Health) End() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ending {
		h.ending = true
		h.changed(false, "its agent ends")
	}
}

// Well is nil where the application may get requests.
func (h *Health) Well() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ending:
		return fmt.Errorf("the agent ends")
	case !h.known:
		return fmt.Errorf("the application has not been asked yet")
	case !h.well:
		return fmt.Errorf("the application is not well: %s", h.why)
	}
	return nil
}

// ready answers 200 once Envoy takes connections by its first configuration
// and the application is well.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	err := s.o.Health.Well()
	if err == nil {
		err = s.o.Envoy.Ready(r.Context())
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
