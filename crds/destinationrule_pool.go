package crds

import (
	"time"

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
		TCPIdleTimeout:           c.durationOrZero(t.GetIdleTimeout(), tcp+".idleTimeout"),
		MaxConnectionDuration:    c.duration(t.GetMaxConnectionDuration(), tcp+".maxConnectionDuration"),
		MaxPendingRequests:       c.count(h.GetHttp1MaxPendingRequests(), http+".http1MaxPendingRequests"),
		MaxRequests:              c.count(h.GetHttp2MaxRequests(), http+".http2MaxRequests"),
		MaxRequestsPerConnection: c.count(h.GetMaxRequestsPerConnection(), http+".maxRequestsPerConnection"),
		MaxRetries:               c.count(h.GetMaxRetries(), http+".maxRetries"),
		MaxConcurrentStreams:     c.count(h.GetMaxConcurrentStreams(), http+".maxConcurrentStreams"),
		HTTPIdleTimeout:          c.duration(h.GetIdleTimeout(), http+".idleTimeout"),
		UpgradeToHTTP2:           h.GetH2UpgradePolicy() == networking.ConnectionPoolSettings_HTTPSettings_UPGRADE,
		UseClientProtocol:        h.GetUseClientProtocol(),
		StayHTTP1:                h.GetH2UpgradePolicy() == networking.ConnectionPoolSettings_HTTPSettings_DO_NOT_UPGRADE,
	}
	if t == nil && h == nil && !c.reported(field) {
		c.add(model.Error, model.CodeMissing, field, "leave it out", "a connection pool has tcp or http settings")
	}
	if out.UpgradeToHTTP2 && out.UseClientProtocol {
		c.bad(http+".useClientProtocol", "it excludes h2UpgradePolicy: UPGRADE")
	}
	out.Keepalive = c.tcpKeepalive(t.GetTcpKeepalive(), tcp+".tcpKeepalive")
	out.HTTP2Keepalive = c.http2Keepalive(h.GetHttp2KeepAlive(), http+".http2KeepAlive")
	return out
}

func (c *conversion) http2Keepalive(k *networking.ConnectionPoolSettings_HTTPSettings_ConnectionKeepalive, field string) *model.HTTP2Keepalive {
	if k == nil {
		return nil
	}
	out := &model.HTTP2Keepalive{Interval: c.duration(k.GetInterval(), field+".interval"), Timeout: c.duration(k.GetTimeout(), field+".timeout")}
	if (k.GetInterval() == nil || k.GetTimeout() == nil) && !c.reported(field) {
		c.missing(field, "it has an interval and a timeout")
	}
	return out
}

// tcpKeepalive is the kernel's, which counts in seconds.
func (c *conversion) tcpKeepalive(k *networking.ConnectionPoolSettings_TCPSettings_TcpKeepalive, field string) *model.TCPKeepalive {
	if k == nil {
		return nil
	}
	out := &model.TCPKeepalive{Probes: k.GetProbes(), Time: c.duration(k.GetTime(), field+".time"), Interval: c.duration(k.GetInterval(), field+".interval")}
	for part, d := range map[string]*model.Duration{".time": out.Time, ".interval": out.Interval} {
		if d != nil && time.Duration(*d) < time.Second {
			c.bad(field+part, "it is counted in seconds: at least 1s")
		}
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
		ErrorCodes:            o.GetOutlierDetectionHttpErrorCodes(),
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
	for i, code := range out.ErrorCodes {
		if code < 100 || code > 599 {
			c.bad(index(field+".outlierDetectionHttpErrorCodes", i), "a status is from 100 to 599")
		}
	}
	//lint:ignore SA1019 tutorials still have it
	if old := c.count(o.GetConsecutiveErrors(), field+".consecutiveErrors"); old != 0 {
		out.Consecutive5xx = &old
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
	} else if o.GetConsecutiveLocalOriginFailures().GetValue() > 0 {
		c.add(model.Error, model.CodeInvalidValue, field+".consecutiveLocalOriginFailures", "give splitExternalLocalOriginErrors: true",
			"local failures are counted apart only with splitExternalLocalOriginErrors")
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
