package agent

import (
	"fmt"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/config/metrics/v3"
	statsinputv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/stats/v3"
	otelsinkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/stat_sinks/open_telemetry/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/tracers/opentelemetry/resource_detectors/v3"
	typematcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// StatPrefix begins the names of the stats that leave the proxy: those of
// declared metrics. All others stay on Envoy's own admin page.
const StatPrefix = "krater."

// histogramBounds are the upper bounds of every declared histogram's buckets,
// in its own unit: milliseconds or bytes.
var histogramBounds = []float64{1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 1 << 20, 1 << 24}

func statsConfig() *metricsv3.StatsConfig {
	return &metricsv3.StatsConfig{HistogramBucketSettings: []*metricsv3.HistogramBucketSettings{{
		Match:   &typematcherv3.StringMatcher{MatchPattern: &typematcherv3.StringMatcher_Prefix{Prefix: StatPrefix}},
		Buckets: histogramBounds,
	}}}
}

// statsSink pushes the declared metrics to the collector at every flush, as
// cumulative sums: a collector that was away loses nothing. The resource names
// the proxy, over which the collector sums.
func statsSink(p Proxy) (*metricsv3.StatsSink, error) {
	resource, err := extension("envoy.tracers.opentelemetry.resource_detectors.static_config",
		&resourcev3.StaticConfigResourceDetectorConfig{
			Attributes: map[string]string{"krater.proxy": p.ID, "service.name": p.Name},
		})
	if err != nil {
		return nil, err
	}
	dropOthers, err := dropWithoutPrefix()
	if err != nil {
		return nil, err
	}
	sink, err := anypb.New(&otelsinkv3.SinkConfig{
		ProtocolSpecifier: &otelsinkv3.SinkConfig_GrpcService{GrpcService: &corev3.GrpcService{
			TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: OTLPCluster}},
		}},
		EmitTagsAsAttributes:    wrapperspb.Bool(true),
		UseTagExtractedName:     wrapperspb.Bool(true),
		ResourceDetectors:       []*corev3.TypedExtensionConfig{resource},
		CustomMetricConversions: dropOthers,
	})
	if err != nil {
		return nil, fmt.Errorf("the stats sink: %w", err)
	}
	return &metricsv3.StatsSink{
		Name:       "envoy.stat_sinks.open_telemetry",
		ConfigType: &metricsv3.StatsSink_TypedConfig{TypedConfig: sink},
	}, nil
}

func dropWithoutPrefix() (*matcherv3.Matcher, error) {
	name, err := xdsExtension("name", &statsinputv3.StatFullNameMatchInput{})
	if err != nil {
		return nil, err
	}
	drop, err := xdsExtension("drop", &otelsinkv3.SinkConfig_DropAction{})
	if err != nil {
		return nil, err
	}
	declared := &matcherv3.Matcher_MatcherList_Predicate{
		MatchType: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate_{
			SinglePredicate: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate{
				Input: name,
				Matcher: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate_ValueMatch{
					ValueMatch: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: StatPrefix}},
				},
			},
		},
	}
	return &matcherv3.Matcher{MatcherType: &matcherv3.Matcher_MatcherList_{MatcherList: &matcherv3.Matcher_MatcherList{
		Matchers: []*matcherv3.Matcher_MatcherList_FieldMatcher{{
			Predicate: &matcherv3.Matcher_MatcherList_Predicate{
				MatchType: &matcherv3.Matcher_MatcherList_Predicate_NotMatcher{NotMatcher: declared},
			},
			OnMatch: &matcherv3.Matcher_OnMatch{OnMatch: &matcherv3.Matcher_OnMatch_Action{Action: drop}},
		}},
	}}}, nil
}

func extension(name string, config proto.Message) (*corev3.TypedExtensionConfig, error) {
	packed, err := anypb.New(config)
	if err != nil {
		return nil, fmt.Errorf("extension %s: %w", name, err)
	}
	return &corev3.TypedExtensionConfig{Name: name, TypedConfig: packed}, nil
}

func xdsExtension(name string, config proto.Message) (*xdscorev3.TypedExtensionConfig, error) {
	packed, err := anypb.New(config)
	if err != nil {
		return nil, fmt.Errorf("extension %s: %w", name, err)
	}
	return &xdscorev3.TypedExtensionConfig{Name: name, TypedConfig: packed}, nil
}
