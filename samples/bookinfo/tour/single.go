package tour

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// single makes a step of one request and a judgement of its response.
func single(title, shows string, r request, judge func(response) error) Step {
	return Step{
		Title: title,
		Curl:  r.curl,
		Shows: shows,
		Do: func(ctx context.Context, v *visit) (string, error) {
			got, err := v.send(ctx, r)
			if err != nil {
				return "", err
			}
			return describe(got), judge(got)
		},
	}
}

// describe is the response with the headers of its own that the mesh added.
func describe(r response) string {
	lines := []string{fmt.Sprintf("%s  (%s)", r, r.elapsed.Round(time.Millisecond))}
	for _, name := range []string{"x-krater-mixed", "x-bookinfo-refused"} {
		if value := r.header.Get(name); value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	return strings.Join(lines, "\n")
}

// want judges the status, and that the body has each of the texts.
func want(status int, texts ...string) func(response) error {
	return func(r response) error {
		if r.status != status {
			return fmt.Errorf("wanted status %d, got %d", status, r.status)
		}
		for _, text := range texts {
			if !strings.Contains(r.body, text) {
				return fmt.Errorf("wanted %s in the body", text)
			}
		}
		return nil
	}
}

// all is each of the judgements in turn.
func all(judges ...func(response) error) func(response) error {
	return func(r response) error {
		for _, judge := range judges {
			if err := judge(r); err != nil {
				return err
			}
		}
		return nil
	}
}

// wantHeader judges one header's value.
func wantHeader(name, value string) func(response) error {
	return func(r response) error {
		if got := r.header.Get(name); got != value {
			return fmt.Errorf("wanted the header %s: %s, got %q", name, value, got)
		}
		return nil
	}
}
