package accesslogreceiver

import (
	accesslogdatav3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	"go.opentelemetry.io/collector/pdata/plog"
)

// tcp sets what only connections have.
func (r record) tcp(e *accesslogdatav3.TCPAccessLogEntry) {
	p, c := e.GetCommonProperties(), e.GetConnectionProperties()
	r.str("network.transport", "tcp")
	r.num("krater.received_bytes", c.GetReceivedBytes())
	r.num("krater.sent_bytes", c.GetSentBytes())
	r.SetSeverityNumber(plog.SeverityNumberInfo)
	r.SetSeverityText("INFO")
	r.Body().SetStr("connection to " + hostPort(p.GetUpstreamRemoteAddress()))
}
