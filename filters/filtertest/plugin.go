package filtertest

import (
	"errors"
	"fmt"
	"time"
)

// Plugin is a configured root.
type Plugin struct {
	// BodiesCome has bodies come though the filter paused at the headers, as
	// Envoy's allow_on_headers_stop_iteration does. Then to go on with a part
	// of a body is to go on with the headers.
	BodiesCome bool

	module *Module
	id     uint32
	root   *hostContext
}

// Configure binds a root to a configuration. A filter that refuses it is an
// error with the filter's own log lines.
func (m *Module) Configure(rootID, config string) (*Plugin, error) {
	m.host.begin()
	first := m.lastID == 0
	m.lastID++
	p := &Plugin{module: m, id: m.lastID, root: newContext(0)}
	p.root.rootID, p.root.config = rootID, []byte(config)
	m.host.contexts[p.id] = p.root
	if _, err := m.call("proxy_on_context_create", p.id, 0); err != nil {
		return nil, err
	}
	if first {
		if ok, err := m.call("proxy_on_vm_start", p.id, 0); err != nil || ok == 0 {
			return nil, errors.Join(errors.New("the VM refuses to start"+m.host.said()), err)
		}
	}
	ok, err := m.call("proxy_on_configure", p.id, uint64(len(config)))
	if err != nil {
		return nil, err
	}
	if ok == 0 {
		return nil, fmt.Errorf("root %q refuses its configuration%s", rootID, m.host.said())
	}
	return p, m.settle()
}

// Period is that of the ticks that the filter asked for; 0: none.
func (p *Plugin) Period() time.Duration { return p.root.period }

// Tick calls the filter as a proxy does once a period.
func (p *Plugin) Tick() error {
	if _, err := p.module.call("proxy_on_tick", p.id); err != nil {
		return err
	}
	return p.module.settle()
}

// Log gives the lines that all filters of the module wrote since the last
// request, or since their configuration.
func (m *Module) Log() []Line {
	m.host.flush()
	return m.host.log
}
