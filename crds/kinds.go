package crds

import (
	"reflect"
	"sync"

	"google.golang.org/protobuf/proto"
	extensions "istio.io/api/extensions/v1alpha1"
	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"
)

// Group is the API group of Krater's own kinds.
const Group = "krater.dev"

// kinds is the list of every kind that is read: Istio's, Kubernetes',
// Krater's own, then those that are known and have no effect yet.
var kinds = sync.OnceValue(func() []kind {
	list := []kind{
		networkingKind("VirtualService", &networking.VirtualService{}, convertVirtualService, nil, nil),
		networkingKind("DestinationRule", &networking.DestinationRule{}, convertDestinationRule, nil, nil),
		networkingKind("Gateway", &networking.Gateway{}, convertGateway, nil, nil),
		networkingKind("ServiceEntry", &networking.ServiceEntry{}, convertServiceEntry, nil, nil),
		networkingKind("WorkloadEntry", &networking.WorkloadEntry{}, convertWorkloadEntry, nil, nil),
		networkingKind("WorkloadGroup", &networking.WorkloadGroup{}, convertWorkloadGroup, nil, nil),
		networkingKind("Sidecar", &networking.Sidecar{}, convertSidecar, nil, nil),
		{name: "EnvoyFilter", group: "networking.istio.io", versions: []string{"v1alpha3"},
			spec: shapeOf(&networking.EnvoyFilter{}), convert: convertEnvoyFilter},
		{name: "AuthorizationPolicy", group: "security.istio.io", versions: []string{"v1beta1", "v1"}, access: true, strict: true,
			spec: shapeOf(&security.AuthorizationPolicy{}), translated: authorizationPolicyTranslated, convert: convertAuthorizationPolicy},
		kind{name: "PeerAuthentication", group: "security.istio.io", versions: []string{"v1beta1", "v1"},
			spec: shapeOf(&security.PeerAuthentication{}), convert: convertPeerAuthentication}.decidesAccess(),
		kind{name: "RequestAuthentication", group: "security.istio.io", versions: []string{"v1beta1", "v1"},
			spec: shapeOf(&security.RequestAuthentication{}), convert: convertRequestAuthentication}.decidesAccess(),
		{name: "WasmPlugin", group: "extensions.istio.io", versions: []string{"v1alpha1"},
			spec: shapeOf(&extensions.WasmPlugin{}), convert: convertWasmPlugin},
		{name: "TrafficExtension", group: "extensions.istio.io", versions: []string{"v1alpha1"},
			spec: shapeOf(&extensions.TrafficExtension{}), convert: convertTrafficExtension},

		kubernetesKind[kubeServiceSpec]("Service", "", convertKubeService),
		kubernetesKind[endpointSliceBody]("EndpointSlice", "discovery.k8s.io", convertEndpointSlice).noSpec(),
		kubernetesKind[secretBody]("Secret", "", convertSecret).noSpec().keepsSecrets(),
		kubernetesKind[namespaceSpec]("Namespace", "", convertNamespace).clusterWide(),

		ownKind[MeshSpec]("Mesh", convertMesh).clusterWide(),
		ownKind[FilterSpec]("Filter", convertFilter),
		ownKind[AttributeSetSpec]("AttributeSet", convertAttributeSet),
		ownKind[RegoPolicySpec]("RegoPolicy", convertRegoPolicy).decidesAccess(),
		ownKind[AccessListSpec]("AccessList", convertAccessList).decidesAccess(),
		ownKind[RateLimitSpec]("RateLimit", convertRateLimit).only(rateLimitTranslated, rateLimitRefused),
		ownKind[TelemetryRuleSpec]("TelemetryRule", convertTelemetryRule),
		ownKind[TelemetryBackendSpec]("TelemetryBackend", convertTelemetryBackend),
	}
	return append(list, notTranslated...)
})

// notTranslated are kinds that are known and not read yet.
var notTranslated = []kind{
	{name: "ProxyConfig", group: "networking.istio.io", versions: []string{"v1beta1"}, why: "proxies start with defaults"},
	{name: "Telemetry", group: "telemetry.istio.io", versions: []string{"v1alpha1", "v1"}, why: "use TelemetryRule"},
	{name: "Quota", group: Group, versions: []string{"v1alpha1"}, why: "use RateLimit where that is enough"},
}

func networkingKind(name string, spec proto.Message, convert func(*conversion) Content, translated, refused []string) kind {
	return kind{name: name, group: "networking.istio.io", versions: []string{"v1alpha3", "v1beta1", "v1"},
		spec: shapeOf(spec), convert: convert, translated: translated, refused: refused}
}

func ownKind[T any](name string, convert func(*conversion) Content) kind {
	return kind{name: name, group: Group, versions: []string{"v1alpha1"}, spec: goShape(reflect.TypeFor[T]()), convert: convert}
}

func (k kind) only(translated, refused []string) kind {
	k.translated, k.refused = translated, refused
	return k
}

func (k kind) clusterWide() kind {
	k.cluster = true
	return k
}

func (k kind) decidesAccess() kind {
	k.access = true
	return k
}

func shapeOf(m proto.Message) *shape { return protoShape(m.ProtoReflect().Descriptor()) }
