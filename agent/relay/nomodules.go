package relay

import (
	"context"
	"errors"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
)

// noModules leaves resources as they are.
type noModules struct{}

var _ Modules = noModules{}

// Missing implements Modules.
func (noModules) Missing(*discoveryv3.Resource) []string { return nil }

// Fetch implements Modules.
func (noModules) Fetch(context.Context, grpc.ClientConnInterface, string) error {
	return errors.New("modules are not fetched here")
}

// Localize implements Modules.
func (noModules) Localize(r *discoveryv3.Resource) (*discoveryv3.Resource, error) { return r, nil }

// noFilters leaves them as they are.
type noFilters struct{}

var _ Filters = noFilters{}

// Stand implements Filters.
func (noFilters) Stand(r *discoveryv3.Resource) (*discoveryv3.Resource, error) { return r, nil }

// Changed implements Filters.
func (noFilters) Changed() <-chan struct{} { return nil }

// Sent implements Filters.
func (noFilters) Sent(*discoveryv3.Resource) {}

// Took implements Filters.
func (noFilters) Took([]string) {}

// Removed implements Filters.
func (noFilters) Removed([]string) {}

// Lacks implements Filters.
func (noFilters) Lacks(string, string) {}

// Arrived implements Filters.
func (noFilters) Arrived([]string) {}
