package translate

import (
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/krater-mesh/krater/model"
)

const (
	httpProtocolOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
	// defaultPingTimeout is how long a ping of HTTP/2 may stay unanswered
	// where only the interval was declared.
	defaultPingTimeout = model.Duration(10 * time.Second)
)

func packed(o *httpv3.HttpProtocolOptions) map[string]*anypb.Any {
	return map[string]*anypb.Any{httpProtocolOptions: pack(o)}
}

// protocolOptions says which HTTP is spoken to a cluster, and how its
// connections are kept. Where the protocol was recognized by its first bytes,
// it is the client's.
func protocolOptions(protocol model.Protocol, pool model.ConnectionPool) *httpv3.HttpProtocolOptions {
	o := &httpv3.HttpProtocolOptions{CommonHttpProtocolOptions: &corev3.HttpProtocolOptions{
		IdleTimeout:              optional(pool.HTTPIdleTimeout),
		MaxConnectionDuration:    optional(pool.MaxConnectionDuration),
		MaxRequestsPerConnection: count(pool.MaxRequestsPerConnection),
	}}
	h2 := &corev3.Http2ProtocolOptions{MaxConcurrentStreams: count(pool.MaxConcurrentStreams), ConnectionKeepalive: pings(pool.HTTP2Keepalive)}
	switch {
	case pool.UseClientProtocol || protocol == model.Auto:
		o.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_UseDownstreamProtocolConfig{
			UseDownstreamProtocolConfig: &httpv3.HttpProtocolOptions_UseDownstreamHttpConfig{
				HttpProtocolOptions: &corev3.Http1ProtocolOptions{}, Http2ProtocolOptions: h2,
			},
		}
	case protocol.IsHTTP2() || pool.UpgradeToHTTP2:
		o.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{Http2ProtocolOptions: h2},
			},
		}
	default:
		o.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{
					HttpProtocolOptions: &corev3.Http1ProtocolOptions{},
				},
			},
		}
	}
	return o
}

func pings(k *model.HTTP2Keepalive) *corev3.KeepaliveSettings {
	if k == nil {
		return nil
	}
	timeout := defaultPingTimeout
	if k.Timeout != nil {
		timeout = *k.Timeout
	}
	return &corev3.KeepaliveSettings{Interval: optional(k.Interval), Timeout: duration(timeout)}
}
