package accesslogreceiver

import (
	"strings"

	accesslogdatav3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
)

// flagNames gives the short names of Envoy's %RESPONSE_FLAGS%, in the order of
// the proto's fields, joined by commas; "" where none is set.
func flagNames(f *accesslogdatav3.ResponseFlags) string {
	if f == nil {
		return ""
	}
	var names []string
	for _, flag := range []struct {
		set  bool
		name string
	}{
		{f.FailedLocalHealthcheck, "LH"}, {f.NoHealthyUpstream, "UH"}, {f.UpstreamRequestTimeout, "UT"},
		{f.LocalReset, "LR"}, {f.UpstreamRemoteReset, "UR"}, {f.UpstreamConnectionFailure, "UF"},
		{f.UpstreamConnectionTermination, "UC"}, {f.UpstreamOverflow, "UO"}, {f.NoRouteFound, "NR"},
		{f.DelayInjected, "DI"}, {f.FaultInjected, "FI"}, {f.RateLimited, "RL"},
		{f.UnauthorizedDetails != nil, "UAEX"}, {f.RateLimitServiceError, "RLSE"},
		{f.DownstreamConnectionTermination, "DC"}, {f.UpstreamRetryLimitExceeded, "URX"},
		{f.StreamIdleTimeout, "SI"}, {f.InvalidEnvoyRequestHeaders, "IH"}, {f.DownstreamProtocolError, "DPE"},
		{f.UpstreamMaxStreamDurationReached, "UMSDR"}, {f.ResponseFromCacheFilter, "RFCF"},
		{f.NoFilterConfigFound, "NFCF"}, {f.DurationTimeout, "DT"}, {f.UpstreamProtocolError, "UPE"},
		{f.NoClusterFound, "NC"}, {f.OverloadManager, "OM"}, {f.DnsResolutionFailure, "DF"},
		{f.DownstreamRemoteReset, "DR"},
	} {
		if flag.set {
			names = append(names, flag.name)
		}
	}
	return strings.Join(names, ",")
}
