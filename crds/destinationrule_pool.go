package crds

import (
	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (c *conversion) connectionPool(p *networking.ConnectionPoolSettings, field string) *model.ConnectionPool {
	if p == nil {
		return nil
	}
	t, h := p.GetTcp(), p.GetHttp()
	tcp, http := field+".tcp", field+".http"
	out := &model.ConnectionPool{
		MaxConnections:           c.count(t.GetMaxConnections(), tcp+".maxConnections"),
		ConnectTimeout:           c.duration(t.GetConnectTimeout(), tcp+".connectTimeout"),
		TCPIdleTimeout:           c.duration(t.GetIdleTimeout(), tcp+".idleTimeout"),
		MaxConnectionDuration:    c.duration(t.GetMaxConnectionDuration(), tcp+".maxConnectionDuration"),
		MaxPendingRequests:       c.count(h.GetHttp1MaxPendingRequests(), http+".http1MaxPendingRequests"),
		MaxRequests:              c.count(h.GetHttp2MaxRequests(), http+".http2MaxRequests"),
		MaxRequestsPerConnection: c.count(h.GetMaxRequestsPerConnection(), http+".maxRequestsPerConnection"),
		MaxRetries:               c.count(h.GetMaxRetries(), http+".maxRetries"),
		MaxConcurrentStreams:     c.count(h.GetMaxConcurrentStreams(), http+".maxConcurrentStreams"),
		HTTPIdleTimeout:          c.duration(h.GetIdleTimeout(), http+".idleTimeout"),
		UpgradeToHTTP2:           h.GetH2UpgradePolicy() == networking.ConnectionPoolSettings_HTTPSettings_UPGRADE,
		UseClientProtocol:        h.GetUseClientProtocol(),
	}
	if out.UpgradeToHTTP2 && out.UseClientProtocol {
		c.bad(http+".useClientProtocol", "it excludes h2UpgradePolicy: UPGRADE")
	}
	if k := t.GetTcpKeepalive(); k != nil {
		out.Keepalive = &model.TCPKeepalive{Probes: k.GetProbes(),
			Time:     c.duration(k.GetTime(), tcp+".tcpKeepalive.time"),
			Interval: c.duration(k.GetInterval(), tcp+".tcpKeepalive.interval")}
	}
	return out
}

// outliers fills in Istio's defaults: five 5xx answers in a row eject, and
// five local failures where they are counted apart.
func (c *conversion) outliers(o *networking.OutlierDetection, field string) *model.OutlierDetection {
	if o == nil {
		return nil
	}
	five := uint32(5)
	out := &model.OutlierDetection{
		SplitExternalAndLocal: o.GetSplitExternalLocalOriginErrors(),
		Consecutive5xx:        &five,
		Interval:              c.duration(o.GetInterval(), field+".interval"),
		BaseEjectionTime:      c.duration(o.GetBaseEjectionTime(), field+".baseEjectionTime"),
		MaxEjectionPercent:    c.count(o.GetMaxEjectionPercent(), field+".maxEjectionPercent"),
		MinHealthPercent:      c.count(o.GetMinHealthPercent(), field+".minHealthPercent"),
	}
	if out.MaxEjectionPercent > 100 {
		c.bad(field+".maxEjectionPercent", "a percentage is from 0 to 100")
	}
	if out.MinHealthPercent > 100 {
		c.bad(field+".minHealthPercent", "a percentage is from 0 to 100")
	}
	if n := o.GetConsecutive_5XxErrors(); n != nil {
		out.Consecutive5xx = positive(n.GetValue())
	}
	if n := o.GetConsecutiveGatewayErrors(); n != nil {
		out.ConsecutiveGateway = positive(n.GetValue())
	}
	if out.SplitExternalAndLocal {
		out.ConsecutiveLocal = &five
		if n := o.GetConsecutiveLocalOriginFailures(); n != nil {
			out.ConsecutiveLocal = positive(n.GetValue())
		}
	}
	return out
}

// positive gives nil, which is off, for 0.
func positive(n uint32) *uint32 {
	if n == 0 {
		return nil
	}
	return &n
}
