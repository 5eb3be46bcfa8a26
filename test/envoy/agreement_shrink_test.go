package envoy_test

import (
	"maps"
	"slices"
)

// smaller gives copies of a tree of maps and lists, each with one node less,
// the larger parts first.
func smaller(tree any) []any {
	var out []any
	switch node := tree.(type) {
	case []any:
		for i := range node {
			out = append(out, slices.Delete(slices.Clone(node), i, i+1))
		}
		for i, child := range node {
			for _, less := range smaller(child) {
				with := slices.Clone(node)
				with[i] = less
				out = append(out, with)
			}
		}
	case map[string]any:
		keys := slices.Sorted(maps.Keys(node))
		for _, k := range keys {
			with := maps.Clone(node)
			delete(with, k)
			out = append(out, with)
		}
		for _, k := range keys {
			for _, less := range smaller(node[k]) {
				with := maps.Clone(node)
				with[k] = less
				out = append(out, with)
			}
		}
	}
	return out
}

// smallerRequests gives copies of a request with less in them.
func smallerRequests(r rawRequest) []rawRequest {
	var out []rawRequest
	for i := range r.Headers {
		with := r
		with.Headers = slices.Delete(slices.Clone(r.Headers), i, i+1)
		out = append(out, with)
	}
	for _, change := range []func(*rawRequest){
		func(r *rawRequest) { r.Method = "GET" },
		func(r *rawRequest) { r.Host = "shop.test" },
		func(r *rawRequest) { r.Target = "/" },
		func(r *rawRequest) { r.Port = 9080 },
		func(r *rawRequest) { r.Peer = "127.0.0.1" },
	} {
		with := r
		if change(&with); with.text() != r.text() || with.Port != r.Port || with.Peer != r.Peer {
			out = append(out, with)
		}
	}
	return out
}

// shrink makes a case smaller as long as it still fails, for at most so many
// tries.
func shrink(objects []any, r rawRequest, tries int, fails func([]any, rawRequest) bool) ([]any, rawRequest) {
	for again := true; again; {
		again = false
		for _, less := range smaller(objects) {
			if tries--; tries < 0 {
				return objects, r
			}
			if fails(less.([]any), r) {
				objects, again = less.([]any), true
				break
			}
		}
		for _, less := range smallerRequests(r) {
			if tries--; tries < 0 {
				return objects, r
			}
			if fails(objects, less) {
				r, again = less, true
				break
			}
		}
	}
	return objects, r
}
