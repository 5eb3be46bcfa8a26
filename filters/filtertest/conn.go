package filtertest

import "strings"

// Conn is a TCP connection under way.
type Conn struct {
	// ToUpstream and ToClient are what the filter let through so far.
	ToUpstream, ToClient string
	// Closed tells that the filter closed it, or either side.
	Closed bool

	plugin *Plugin
	id     uint32
	ctx    *hostContext
	wait   bool // OnConnection paused it
	over   bool
}

// Connect opens a connection, with properties by dotted name.
func (p *Plugin) Connect(properties map[string]string) (*Conn, error) {
	m := p.module
	m.lastID++
	c := &Conn{plugin: p, id: m.lastID, ctx: newContext(p.id)}
	c.ctx.conn = c
	for name, value := range properties {
		c.ctx.properties[strings.ReplaceAll(name, ".", "\x00")] = value
	}
	m.host.contexts[c.id] = c.ctx
	if _, err := m.call("proxy_on_context_create", c.id, uint64(p.id)); err != nil {
		return c, err
	}
	action, err := m.call("proxy_on_new_connection", c.id)
	c.wait = action == pause
	if err != nil {
		return c, err
	}
	return c, m.settle()
}

// FromClient brings data of the client.
func (c *Conn) FromClient(data string, end bool) error {
	return c.data("proxy_on_downstream_data", bufferDownstream, &c.ToUpstream, data, end)
}

// FromUpstream brings data of the upstream; its end is its closing.
func (c *Conn) FromUpstream(data string, end bool) error {
	if err := c.data("proxy_on_upstream_data", bufferUpstream, &c.ToClient, data, end); err != nil || !end {
		return err
	}
	_, err := c.plugin.module.call("proxy_on_upstream_connection_close", c.id, 0)
	return err
}

func (c *Conn) data(callback string, buffer uint32, into *string, data string, end bool) error {
	if c.Closed {
		return nil
	}
	c.ctx.buffers[buffer] = append(c.ctx.buffers[buffer], data...)
	action, err := c.plugin.module.call(callback, c.id, uint64(len(c.ctx.buffers[buffer])), flag(end))
	if action != pause {
		c.pass(buffer, into)
	}
	if err != nil {
		return err
	}
	return c.plugin.module.settle()
}

func (c *Conn) pass(buffer uint32, into *string) {
	*into += string(c.ctx.buffers[buffer])
	delete(c.ctx.buffers, buffer)
}

func (c *Conn) resume(flow uint32) {
	c.wait = false
	if flow == 0 {
		c.pass(bufferDownstream, &c.ToUpstream)
	} else {
		c.pass(bufferUpstream, &c.ToClient)
	}
}

// Waits tells whether OnConnection holds the connection.
func (c *Conn) Waits() bool { return c.wait }

// Close ends the connection, as its client does.
func (c *Conn) Close() error {
	if c.over {
		return nil
	}
	c.over, c.Closed = true, true
	m := c.plugin.module
	if _, err := m.call("proxy_on_downstream_connection_close", c.id, 0); err != nil {
		return err
	}
	for _, name := range []string{"proxy_on_log", "proxy_on_done", "proxy_on_delete"} {
		if _, err := m.call(name, c.id); err != nil {
			return err
		}
	}
	delete(m.host.contexts, c.id)
	return m.settle()
}
