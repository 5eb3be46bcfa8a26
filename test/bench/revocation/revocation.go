package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/krater-mesh/krater/test/bench/mesh"
	"github.com/krater-mesh/krater/test/bench/process"
)

// timing is the edits of one kind, in milliseconds, and the CPU that the parts
// used for each.
type timing struct {
	name, says  string
	first, last []float64
	cpu         map[string][]float64
}

// edited are the parts that an edit costs.
var edited = []string{"controlplane", "policyd"}

// measureRevocation takes a caller's right away, and gives it back, by an edit
// of the policy's data.
func measureRevocation(ctx context.Context, o options, m *mesh.Mesh, r *report) error {
	for _, p := range placements {
		t, err := revoke(ctx, m, p.name, p.hosts, o.edits, func(role string) string {
			return policy(p.name, p.spec, fmt.Sprintf(`{"users": {"odd": {"role": %q}, "other": {"role": "reader"}}}`, role))
		})
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		t.says = "decided " + p.says
		r.revocations = append(r.revocations, t)
	}
	return nil
}

// measureEntries does the same where the caller is one of many.
func measureEntries(ctx context.Context, o options, m *mesh.Mesh, r *report) error {
	t, err := revoke(ctx, m, "many", []int{8}, o.edits, func(role string) string { return policy("many", "", users(o.entries, role)) })
	if err != nil {
		return fmt.Errorf("of %d entries: %w", o.entries, err)
	}
	t.says = fmt.Sprintf("one of %d entries, inline", o.entries)
	r.entries = append(r.entries, t)
	return nil
}

func revoke(ctx context.Context, m *mesh.Mesh, name string, hosts []int, n int, text func(role string) string) (timing, error) {
	t := timing{name: name, cpu: map[string][]float64{}}
	var callers []*caller
	for _, host := range hosts {
		c := newCaller(m, host)
		defer c.close()
		callers = append(callers, c)
	}
	allowed, refused := text("admin"), text("nobody")
	for i := range n + 1 {
		if _, err := m.Write(name+".yaml", allowed); err != nil {
			return t, err
		}
		if _, _, err := reached(ctx, callers, http.StatusOK); err != nil {
			return t, err
		}
		if err := sleep(ctx, editRest); err != nil {
			return t, err
		}
		before, err := used(m)
		if err != nil {
			return t, err
		}
		began, err := m.Write(name+".yaml", refused)
		if err != nil {
			return t, err
		}
		first, last, err := reached(ctx, callers, http.StatusForbidden)
		if err != nil {
			return t, err
		}
		if err := sleep(ctx, editRest); err != nil { // what follows the answer is the edit's, too
			return t, err
		}
		after, err := used(m)
		if err != nil {
			return t, err
		}
		if i == 0 {
			continue // it brought the file in
		}
		millis := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		t.first, t.last = append(t.first, millis(first.Sub(began))), append(t.last, millis(last.Sub(began)))
		for part, spent := range after.Since(before) {
			t.cpu[part] = append(t.cpu[part], millis(spent))
		}
	}
	progress("%s: %d revocations took %v ms", name, n, t.last)
	return t, nil
}

// used is the CPU that the parts used until now.
func used(m *mesh.Mesh) (process.Usage, error) {
	all, err := m.Processes()
	if err != nil {
		return nil, err
	}
	var parts []process.Process
	for _, p := range all {
		for _, name := range edited {
			if p.Name == name {
				parts = append(parts, p)
			}
		}
	}
	return process.Read(parts)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
