package main

import (
	"fmt"
	"strings"
)

// edit is one kind of edit: what it writes, and what shows that a proxy has it.
type edit struct {
	name, says string
	goal       float64 // milliseconds, at the first size
	bytes      float64 // the most that a proxy is to be sent, at the first size
	// write gives the n-th edit's file and text, and whom it concerns.
	write func(w world, n int) (file, text string, wanted arrival)
}

// arrival is what tells that a proxy has an edit: a resource of a type and
// name was sent to it and acknowledged.
type arrival struct {
	typeURL string
	name    func(string) bool
	proxies int // how many must have it
}

func edits() []edit {
	return []edit{
		{"endpoint", "one of a service's ten endpoints moves", 50, 0, func(w world, n int) (string, string, arrival) {
			i := n % w.services
			return w.serviceFile(i), w.service(i, n+1), arrival{typeEndpoint, contains(w.host(i)), w.proxies}
		}},
		{"route", "a VirtualService's route sets another header", 150, 5000, func(w world, n int) (string, string, arrival) {
			i := n*4%w.services/4*4 + 1
			return w.rulesFile(i), w.rules(i, fmt.Sprintf("m%d", n)), arrival{typeVirtualHost, contains(w.host(i)), w.proxies}
		}},
		{"policy", "a namespace's AuthorizationPolicy denies another path", 100, 5000, func(w world, n int) (string, string, arrival) {
			apps := (w.proxies + 4) / 5
			i := n % min(apps, w.namespaces())
			return w.policyFile(i), w.policy(i, fmt.Sprintf("m%d", n)), arrival{typeExtension, contains("authorization"), w.proxiesIn(i)}
		}},
		{"service", "a service with ten endpoints is added", 150, 20000, func(w world, n int) (string, string, arrival) {
			i := w.services + n
			return w.serviceFile(i), w.service(i, 0), arrival{typeVirtualHost, contains(w.host(i)), w.proxies}
		}},
	}
}

// proxiesIn counts the proxies of a namespace, by its index.
func (w world) proxiesIn(namespace int) int {
	n := 0
	for i := range w.proxies {
		if i/5%w.namespaces() == namespace {
			n++
		}
	}
	return n
}

func contains(part string) func(string) bool {
	return func(name string) bool { return strings.Contains(name, part) }
}
