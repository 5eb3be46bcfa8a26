package vm

import (
	"errors"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

// plugin is one binding of a root: its Host, and what its filter can do.
type plugin struct {
	id     uint32
	filter sdk.Filter

	// nil is what the filter has not.
	requestBody, responseBody         func(sdk.Stream, bool) sdk.Verdict
	requestTrailers, responseTrailers func(sdk.Stream) sdk.Verdict

	log     sdk.Log
	ticker  sdk.Ticker
	queues  sdk.Queues
	network sdk.NetworkFilter

	period time.Duration // of ticks
	lacks  string        // what New asked for and the module has not
}

var plugins table[plugin]

// ContextCreate begins a binding, a stream or a connection.
func ContextCreate(id, parent uint32) {
	if parent == 0 {
		plugins.put(id, &plugin{id: id})
		return
	}
	p := plugins.get(parent)
	switch {
	case p == nil:
		panic("the proxy creates a context of a binding that it did not create")
	case p.network != nil:
		newConn(id, p)
	default:
		newStream(id, p)
	}
}

// Configure reads a binding's configuration, or says why it is refused.
func Configure(id, size uint32) bool {
	p := plugins.get(id)
	if p == nil {
		return false
	}
	outer, outerActive := enter(id)
	rootID, _ := abi.Property([]string{"plugin_root_id"})
	err := p.configure(rootID, int(size))
	leave(outer, outerActive)
	if err != nil {
		say(critical, "filter "+rootID+" refused: "+err.Error())
	}
	return err == nil
}

const critical sdk.Level = 4

func (p *plugin) configure(rootID string, size int) error {
	root, err := choose(Roots, rootID)
	if err != nil {
		return err
	}
	config := abi.Bytes(abi.PluginConfig, 0, size)
	if len(config) != size {
		return errors.New("reading the configuration: the proxy does not give it")
	}
	var filter any
	if root.NewNetwork != nil {
		p.network, err = root.NewNetwork(p, config)
		filter = p.network
	} else {
		p.filter, err = root.New(p, config)
		filter = p.filter
	}
	if err != nil {
		return err
	}
	return p.join(filter)
}

// choose finds the root that a binding names.
func choose(roots []sdk.Root, id string) (sdk.Root, error) {
	if len(roots) == 1 && roots[0].ID == "" {
		return roots[0], nil
	}
	names := ""
	for _, r := range roots {
		if r.ID == id {
			return r, nil
		}
		names += " " + r.ID
	}
	return sdk.Root{}, errors.New("no such root; the module has:" + names)
}

// join finds the callbacks that a filter has, and refuses it if the module
// does not export them.
func (p *plugin) join(filter any) error {
	need := func(part Part, what string) {
		if p.lacks == "" {
			p.lacks = missing(part, what)
		}
	}
	if f, ok := filter.(sdk.RequestBody); ok {
		p.requestBody = f.OnRequestBody
		need(RequestBodies, "it has OnRequestBody")
	}
	if f, ok := filter.(sdk.ResponseBody); ok {
		p.responseBody = f.OnResponseBody
		need(ResponseBodies, "it has OnResponseBody")
	}
	if f, ok := filter.(sdk.RequestTrailers); ok {
		p.requestTrailers = f.OnRequestTrailers
		need(RequestTrailersPart, "it has OnRequestTrailers")
	}
	if f, ok := filter.(sdk.ResponseTrailers); ok {
		p.responseTrailers = f.OnResponseTrailers
		need(ResponseTrailersPart, "it has OnResponseTrailers")
	}
	if f, ok := filter.(sdk.Log); ok {
		p.log = f
		need(Log, "it has OnLog")
	}
	if f, ok := filter.(sdk.Ticker); ok {
		p.ticker = f
		need(Timers, "it has OnTick")
	}
	if f, ok := filter.(sdk.Queues); ok {
		p.queues = f
		need(Queues, "it has OnQueue")
	}
	if p.network != nil {
		need(Network, "it is a filter of connections")
	}
	switch {
	case p.lacks != "":
		return errors.New(p.lacks)
	case p.period > 0 && p.ticker == nil:
		return errors.New("it asks for ticks, but has no OnTick")
	}
	return nil
}
