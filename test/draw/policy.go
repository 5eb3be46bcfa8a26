package draw

import "strings"

var policyValues = map[string]value{
	"DestinationRule.host":             {always, ruleHost},
	"DestinationRule.trafficPolicy":    {81, nil},
	"DestinationRule.subsets":          {never, nil}, // see DestinationRule
	"DestinationRule.exportTo":         {16, exportTo},
	"DestinationRule.workloadSelector": {never, nil},

	"LoadBalancerSettings.simple":             {always, text("ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "PASSTHROUGH", "UNSPECIFIED", "LEAST_CONN")},
	"LoadBalancerSettings.consistentHash":     {always, nil},
	"LoadBalancerSettings.warmupDurationSecs": {6, text("1s", "1m")},
	"LoadBalancerSettings.warmup":             {16, nil},

	"ConsistentHashLB.httpHeaderName":         {always, text("x-user", "Cookie")},
	"ConsistentHashLB.httpCookie":             {always, nil},
	"ConsistentHashLB.useSourceIp":            {always, func(*drawing) any { return true }},
	"ConsistentHashLB.httpQueryParameterName": {always, text("user", "Q x")},
	"ConsistentHashLB.minimumRingSize":        {never, nil},
	"RingHash.minimumRingSize":                {0, number(1, 1024, 8192)},
	"MagLev.tableSize":                        {0, number(101, 65537)},
	"HTTPCookie.name":                         {always, text("user", "session")},
	"HTTPCookie.path":                         {0, text("/", "/a")},
	"HTTPCookie.ttl":                          {61, text("0s", "1s", "24h")},
	"Attribute.name":                          {always, text("SameSite", "Secure", "HttpOnly")},
	"Attribute.value":                         {51, text("Strict", "Lax")},
	"WarmupConfiguration.duration":            {always, text("1s", "1m")},
	"WarmupConfiguration.aggression":          {0, number(1, 2)},

	"Distribute.from": {always, nil}, // see mendLocality
	"LocalityLoadBalancerSetting.failoverPriority":  {16, texts(2, "topology.istio.io/network", "version", "version=v1")},
	"ZoneAwareLoadBalancerSetting.failoverPriority": {16, texts(2, "topology.istio.io/network", "version=v1")},

	"TcpKeepalive.time":                 {0, text("1s", "7200s")},
	"TcpKeepalive.interval":             {0, text("1s", "75s")},
	"TcpKeepalive.probes":               {0, number(1, 9)},
	"TCPSettings.connectTimeout":        {0, text("10ms", "1s", "10s")},
	"TCPSettings.idleTimeout":           {0, text("0s", "1s", "1h")},
	"TCPSettings.maxConnections":        {0, number(1, 100, 2147483647)},
	"HTTPSettings.h2UpgradePolicy":      {0, text("DEFAULT", "UPGRADE", "DO_NOT_UPGRADE")},
	"HTTPSettings.maxConcurrentStreams": {0, number(1, 100, 2147483647)},

	"ConnectionKeepalive.interval": {always, text("1s", "30s")},
	"ConnectionKeepalive.timeout":  {always, text("5ms", "5s")},

	"OutlierDetection.outlierDetectionHttpErrorCodes": {0, func(d *drawing) any { return []any{429, 500, 599}[:1+d.IntN(3)] }},
	"OutlierDetection.maxEjectionPercent":             {0, number(0, 10, 100)},
	"OutlierDetection.minHealthPercent":               {0, number(0, 10, 100)},
	"OutlierDetection.interval":                       {0, text("1s", "5m")},
	"OutlierDetection.baseEjectionTime":               {0, text("1ms", "15m")},

	"TrafficPolicy.portLevelSettings":   {16, nil},
	"TrafficPolicy.tls":                 {21, nil},
	"TrafficPolicy.tunnel":              {6, nil},
	"TrafficPolicy.proxyProtocol":       {11, nil},
	"TunnelSettings.protocol":           {0, text("CONNECT", "POST")},
	"TunnelSettings.targetHost":         {always, text("db.example.com", "10.0.0.1")},
	"TunnelSettings.targetPort":         {always, number(443, 5432)},
	"RetryBudget.budgetInterval":        {0, text("0s", "10s")},
	"PortTrafficPolicy.port":            {always, nil},
	"ClientTLSSettings.mode":            {always, text("SIMPLE", "MUTUAL", "DISABLE")},
	"ClientTLSSettings.sni":             {0, text("a.example.com")},
	"ClientTLSSettings.subjectAltNames": {0, texts(2, "a.example.com", "*.example.com", "spiffe://a/b")},
}

func ruleHost(d *drawing) any {
	host := d.service().Host
	if d.chance(10) && strings.Contains(host, ".") {
		return "*" + host[strings.Index(host, "."):]
	}
	return host
}

// DestinationRule draws one with subsets by version.
func (d Drawer) DestinationRule(w World, name string) map[string]any {
	g := &drawing{Drawer: d, world: w}
	spec := g.message(destinationRule)
	var subsets []any
	for _, v := range g.some(3, "v1", "v2", "v3") {
		s := map[string]any{"name": v, "labels": map[string]any{"version": v}}
		if d.chance(40) {
			s["trafficPolicy"] = g.message(destinationRule.Fields().ByName("traffic_policy").Message())
		}
		subsets = append(subsets, s)
	}
	if d.chance(70) {
		spec["subsets"] = subsets
	}
	if d.chance(15) {
		spec["workloadSelector"] = map[string]any{"matchLabels": callers(g)}
		delete(spec, "exportTo")
	}
	return w.object("DestinationRule", name, spec)
}

func (d *drawing) mendPolicy(message string, m map[string]any) {
	switch message {
	case "TrafficPolicy":
		mendTrafficPolicy(d, m)
	case "PortTrafficPolicy":
		if len(m) == 1 {
			m["loadBalancer"] = map[string]any{"simple": "ROUND_ROBIN"}
		}
	case "LoadBalancerSettings":
		only(d, m, "localityLbSetting", "zoneAwareLbSetting")
		only(d, m, "warmup", "warmupDurationSecs")
	case "LocalityLoadBalancerSetting":
		mendLocality(d, m)
	case "Failover":
		m["from"], m["to"] = "region1", "region2"
	case "ConsistentHashLB":
		mendHash(m)
	case "ConnectionPoolSettings":
		if len(m) == 0 {
			m["tcp"] = map[string]any{"maxConnections": 10}
		}
	case "HTTPSettings":
		if m["h2UpgradePolicy"] == "UPGRADE" {
			delete(m, "useClientProtocol")
		}
	case "OutlierDetection":
		if m["splitExternalLocalOriginErrors"] != true {
			delete(m, "consecutiveLocalOriginFailures")
		}
	case "ClientTLSSettings":
		mendTLS(d, m)
	}
}

func mendTrafficPolicy(d *drawing, m map[string]any) {
	only(d, m, "tunnel", "proxyProtocol")
	seen := map[any]bool{}
	var ports []any
	given, _ := m["portLevelSettings"].([]any)
	for _, p := range given {
		if n := p.(map[string]any)["port"].(map[string]any)["number"]; !seen[n] {
			seen[n] = true
			ports = append(ports, p)
		}
	}
	if len(ports) > 0 {
		m["portLevelSettings"] = ports
	}
	if len(m) == 0 {
		m["loadBalancer"] = map[string]any{"simple": "RANDOM"}
	}
}

func mendHash(m map[string]any) {
	for _, k := range []string{"httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"} {
		if m[k] != nil {
			return
		}
	}
	m["useSourceIp"] = true
}

func mendLocality(d *drawing, m map[string]any) {
	if m["distribute"] != nil {
		m["distribute"] = []any{
			map[string]any{"from": "region1/zone1/*", "to": map[string]any{"region1/*": 80, "region2": 20}},
			map[string]any{"from": "region2", "to": map[string]any{"*": 100}},
		}[:1+d.IntN(2)]
		delete(m, "failover")
		delete(m, "failoverPriority")
	}
}

// mendTLS takes the certificates from one place.
func mendTLS(d *drawing, m map[string]any) {
	for _, f := range []string{"clientCertificate", "privateKey", "caCertificates", "caCrl", "credentialName"} {
		delete(m, f)
	}
	if m["mode"] == "DISABLE" {
		clear(m)
		m["mode"] = "DISABLE"
		return
	}
	if m["insecureSkipVerify"] == true {
		delete(m, "subjectAltNames")
	}
	w := d.world
	switch {
	case m["mode"] == "MUTUAL" && len(w.Secrets) > 0 && d.chance(50):
		m["credentialName"] = d.of(w.Secrets...)
	case m["mode"] == "MUTUAL" && w.Certificate != "":
		m["clientCertificate"], m["privateKey"] = w.Certificate, w.Key
	case m["mode"] == "MUTUAL":
		m["mode"] = "SIMPLE"
	}
	if m["credentialName"] == nil && m["insecureSkipVerify"] != true && w.CA != "" && d.chance(50) {
		m["caCertificates"] = w.CA
	}
}
