package main

import (
	"fmt"
	"strconv"
	"strings"
)

// size is how large a mesh is.
type size struct{ services, proxies int }

const (
	endpointsOfService = 10
	servicesOfProxy    = 5 // of the sizes that are searched
)

func (s size) String() string { return fmt.Sprintf("%dx%d", s.services, s.proxies) }

// doubled is the next size of the search.
func (s size) doubled() size { return size{s.services * 2, s.proxies * 2} }

// namespaces are what services and proxies are spread over.
func (s size) namespaces() int { return min(max(s.services/25, 2), 10) }

// parseSizes reads "250x50,1000x200,max".
func parseSizes(text string) (sizes []size, largest bool, err error) {
	for word := range strings.SplitSeq(text, ",") {
		if word == "max" {
			largest = true
			continue
		}
		services, proxies, ok := strings.Cut(word, "x")
		s, errS := strconv.Atoi(services)
		p, errP := strconv.Atoi(proxies)
		if !ok || errS != nil || errP != nil || s < 10 || p < 1 {
			return nil, false, fmt.Errorf("a size is SERVICESxPROXIES with 10 services at least, or max, not %q", word)
		}
		sizes = append(sizes, size{s, p})
	}
	return sizes, largest, nil
}
