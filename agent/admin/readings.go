package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// Readings are some of Envoy's stats now.
type Readings struct {
	Values     map[string]uint64
	Histograms map[string][]Bucket
}

// Bucket counts the values up to a bound, since Envoy's start.
type Bucket struct {
	UpTo  float64 `json:"upper_bound"`
	Count int64   `json:"cumulative"`
}

// Readings gives the stats whose names match, histograms too.
func (p Page) Readings(ctx context.Context, pattern string) (Readings, error) {
	body, err := p.ask(ctx, http.MethodGet, "/stats?format=json&histogram_buckets=cumulative&filter="+url.QueryEscape(pattern))
	if err != nil {
		return Readings{}, err
	}
	return readReadings(body)
}

func readReadings(body []byte) (Readings, error) {
	var page struct {
		Stats []struct {
			Name       string          `json:"name"`
			Value      json.RawMessage `json:"value"` // a number, or a text
			Histograms []struct {
				Name    string   `json:"name"`
				Buckets []Bucket `json:"buckets"`
			} `json:"histograms"`
		} `json:"stats"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return Readings{}, fmt.Errorf("reading envoy's stats: %w", err)
	}
	out := Readings{Values: map[string]uint64{}, Histograms: map[string][]Bucket{}}
	for _, s := range page.Stats {
		var n uint64
		if s.Name != "" && json.Unmarshal(s.Value, &n) == nil {
			out.Values[s.Name] = n
		}
		for _, h := range s.Histograms {
			out.Histograms[h.Name] = h.Buckets
		}
	}
	return out, nil
}
