package crds

// meshConfigHomes are the fields of MeshConfig that have an effect, or that
// say what is so anyway.
var meshConfigHomes = []string{
	"connectTimeout", "defaultConfig", "defaultDestinationRuleExportTo", "defaultHttpRetryPolicy", "defaultServiceExportTo",
	"defaultVirtualServiceExportTo", "enableAutoMtls", "enableTracing", "extensionProviders", "h2UpgradePolicy", "localityLbSetting", "meshMTLS",
	"outboundTrafficPolicy", "pathNormalization", "protocolDetectionTimeout", "rootNamespace", "tcpKeepalive", "trustDomain", "trustDomainAliases",
}

// meshConfigReasons tell why the others have none, and what to write instead.
var meshConfigReasons = map[string]string{
	"accessLogEncoding":           "records go to the collector: write a TelemetryBackend",
	"accessLogFile":               "records of all requests go to the collector: write a TelemetryBackend of type file or stdout",
	"accessLogFormat":             "records go to the collector: write a TelemetryRule with logs",
	"ca":                          "certificates of workloads come with identity",
	"caCertificates":              "certificates of workloads come with identity",
	"certificates":                "certificates of workloads come with identity",
	"configSources":               "the control plane reads the files that it is given",
	"defaultProviders":            "write a TelemetryRule with backends",
	"defaultTrafficPolicy":        "write a DestinationRule for \"*\" in the root namespace",
	"disableEnvoyListenerLog":     "proxies send no listener logs",
	"discoverySelectors":          "the objects of every namespace are read",
	"dnsRefreshRate":              "the answers' own time to live decides",
	"enableEnvoyAccessLogService": "records go to the collector",
	"enablePrometheusMerge":       "agents merge the metrics of applications whose annotations ask for it",
	"hboneIdleTimeout":            "there are no ambient proxies",
	"inboundClusterStatName":      "statistics keep the names that Krater's metrics are made from",
	"inboundTrafficPolicy":        "the sidecar sends to the ports that the workload declares, on 127.0.0.1",
	"ingressClass":                "Ingress objects are not read: write a Gateway",
	"ingressControllerMode":       "Ingress objects are not read: write a Gateway",
	"ingressSelector":             "Ingress objects are not read: write a Gateway",
	"ingressService":              "Ingress objects are not read: write a Gateway",
	"outboundClusterStatName":     "statistics keep the names that Krater's metrics are made from",
	"proxyHttpPort":               "the sidecar listens on port 15001",
	"proxyInboundListenPort":      "the sidecar listens on its workload's ports",
	"proxyListenPort":             "the sidecar listens on port 15001",
	"serviceEntryVisibility":      "every ServiceEntry has the visibility of its exportTo",
	"serviceScopeConfigs":         "there are no ambient proxies",
	"serviceSettings":             "there is one cluster",
	"tlsDefaults":                 "write the TLS versions and cipherSuites of each Gateway",
	"verifyCertificateAtClient":   "certificates of servers are always verified by the system's authorities",
	"zoneAwareLbSetting":          "write zoneAwareLbSetting in a DestinationRule",
}

var tracingReasons = map[string]string{
	"customTags":       "write a TelemetryRule",
	"datadog":          "spans go to the collector: write a TelemetryBackend",
	"enableIstioTags":  "spans have OpenTelemetry's attributes",
	"lightstep":        "spans go to the collector: write a TelemetryBackend",
	"maxPathTagLength": "spans have the whole path",
	"openCensusAgent":  "spans go to the collector: write a TelemetryBackend",
	"stackdriver":      "spans go to the collector: write a TelemetryBackend",
	"tlsSettings":      "spans go to the collector: write a TelemetryBackend",
	"zipkin":           "spans go to the collector: write a TelemetryBackend",
}
