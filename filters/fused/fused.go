// Package fused is the filter that runs several filters as one: a proxy calls
// the module once where it would call it once for each. Requests pass the
// filters in order, answers in the opposite one, as if each stood alone. It
// takes filters of headers, of requests' bodies and trailers.
package fused

import (
	"errors"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/filters/fused/config"
	"github.com/krater-mesh/krater/filters/sdk"
)

// Root offers the filter; roots are those that it can run.
func Root(roots []sdk.Root) sdk.Root {
	return sdk.Root{ID: "fused", New: func(h sdk.Host, raw []byte) (sdk.Filter, error) { return New(roots, h, raw) }}
}

// Filter runs the filters of one configuration.
type Filter struct {
	members []member
	idle    []*run // to use again
}

var (
	_ sdk.Filter          = (*Filter)(nil)
	_ sdk.RequestBody     = (*Filter)(nil)
	_ sdk.RequestTrailers = (*Filter)(nil)
)

// member is one of the filters, and what it looks at beside headers.
type member struct {
	filter   sdk.Filter
	body     sdk.RequestBody
	trailers sdk.RequestTrailers
}

// New reads a configuration: config.Config's JSON.
func New(roots []sdk.Root, h sdk.Host, raw []byte) (*Filter, error) {
	c, err := config.ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	f := &Filter{}
	var errs []error
	for i, entry := range c.Filters {
		m, err := newMember(roots, h, entry)
		if err != nil {
			errs = append(errs, at(i, err))
		}
		f.members = append(f.members, m)
	}
	return f, errors.Join(errs...)
}

// at puts the place of a filter before each line of what it refuses.
func at(i int, err error) error {
	prefix := "filters[" + strconv.Itoa(i) + "]."
	return errors.New(prefix + strings.ReplaceAll(err.Error(), "\n", "\n"+prefix))
}

func newMember(roots []sdk.Root, h sdk.Host, entry config.Filter) (m member, err error) {
	for _, r := range roots {
		if r.ID != entry.Root || r.New == nil {
			continue
		}
		if m.filter, err = r.New(h, []byte(entry.Config)); err != nil {
			return m, errors.New("config." + strings.ReplaceAll(err.Error(), "\n", "\nconfig."))
		}
		m.body, _ = m.filter.(sdk.RequestBody)
		m.trailers, _ = m.filter.(sdk.RequestTrailers)
		return m, alone(m.filter)
	}
	return m, errors.New("root: there is no filter " + strconv.Quote(entry.Root) + " to run here")
}

// alone refuses a filter that does more than can be done in common.
func alone(f sdk.Filter) error {
	_, responseBody := f.(sdk.ResponseBody)
	_, responseTrailers := f.(sdk.ResponseTrailers)
	_, log := f.(sdk.Log)
	_, ticker := f.(sdk.Ticker)
	_, queues := f.(sdk.Queues)
	if responseBody || responseTrailers || log || ticker || queues {
		return errors.New("root: the filter must stand alone")
	}
	return nil
}
