package draw

import "maps"

// value is how one field is drawn. percent is one more than how often it is
// there; 0 leaves it to its kind.
type value struct {
	percent int
	draw    func(*drawing) any
}

const (
	always = 101
	never  = 1
)

func text(texts ...string) func(*drawing) any {
	return func(d *drawing) any { return d.of(texts...) }
}

func texts(n int, from ...string) func(*drawing) any {
	return func(d *drawing) any { return d.some(n, from...) }
}

func number(n ...int) func(*drawing) any {
	return func(d *drawing) any { return n[d.IntN(len(n))] }
}

// values are the fields whose type does not tell what is valid, by message
// and name.
var values = merged(routeValues, policyValues)

func merged(parts ...map[string]value) map[string]value {
	out := map[string]value{}
	for _, p := range parts {
		maps.Copy(out, p)
	}
	return out
}

var routeValues = map[string]value{
	"VirtualService.hosts":    {always, func(d *drawing) any { return anyOf(d.hosts) }},
	"VirtualService.gateways": {never, nil},
	"VirtualService.exportTo": {15, exportTo},
	"VirtualService.http":     {81, nil},
	"VirtualService.tls":      {21, nil},
	"VirtualService.tcp":      {21, nil},

	"HTTPRoute.name":             {40, text("one", "two", "x.y/z", "name with spaces", "é")},
	"HTTPRoute.match":            {71, nil},
	"HTTPRoute.route":            {71, nil},
	"HTTPRoute.redirect":         {16, nil},
	"HTTPRoute.directResponse":   {31, nil},
	"HTTPRoute.delegate":         {never, nil},
	"HTTPRoute.timeout":          {0, text("0s", "50ms", "1s", "15s")},
	"HTTPRoute.mirrorPercentage": {never, nil}, // with a mirror: see mendRoute
	"HTTPRoute.mirrorPercent":    {never, nil},
	"HTTPRoute.mirrors":          {16, nil},
	"HTTPRoute.mirror":           {11, nil},

	"HTTPMatchRequest.name":            {0, text("m", "n")},
	"HTTPMatchRequest.uri":             {51, stringMatch([]string{"/a", "/", "/a/b", "/A", "/api/", "/%7Ea", "/a.b"}, []string{"/a.*", "/[a-z]+", ".*", "/(a|b)/\\d+", "(?i)/A"}, true)},
	"HTTPMatchRequest.scheme":          {11, stringMatch([]string{"http", "https"}, []string{"https?"}, false)},
	"HTTPMatchRequest.method":          {21, stringMatch([]string{"GET", "POST", "G"}, []string{"GET|HEAD", ".*"}, false)},
	"HTTPMatchRequest.authority":       {16, stringMatch([]string{"reviews", "shop.example.com", "a"}, []string{".*\\.com(:\\d+)?"}, false)},
	"HTTPMatchRequest.headers":         {31, headerMatches},
	"HTTPMatchRequest.withoutHeaders":  {16, headerMatches},
	"HTTPMatchRequest.queryParams":     {21, namedMatches("q", "debug", "Q x")},
	"HTTPMatchRequest.port":            {11, func(d *drawing) any { return d.anyPort() }},
	"HTTPMatchRequest.sourceLabels":    {16, callers},
	"HTTPMatchRequest.gateways":        {11, gatewayNames},
	"HTTPMatchRequest.sourceNamespace": {11, text("default", "ops")},
	"HTTPMatchRequest.statPrefix":      {11, text("p", "a.b")},

	"Destination.host":   {always, nil}, // all three: see mendDestination
	"Destination.subset": {31, text("v1", "v2", "v9")},
	"Destination.port":   {never, nil},

	"HTTPRouteDestination.destination": {always, nil},
	"HTTPRouteDestination.weight":      {71, number(0, 1, 50, 100)},
	"RouteDestination.destination":     {always, nil},
	"RouteDestination.weight":          {71, number(0, 1, 50, 100)},
	"HTTPMirrorPolicy.destination":     {always, nil},

	"HeaderOperations.set":    {51, headerValues("x-a", "X-B", "user-agent", "x-forwarded-for")},
	"HeaderOperations.add":    {41, headerValues("x-a", "x-c", "cookie")},
	"HeaderOperations.remove": {41, texts(3, "x-a", "X-D", "cookie")},

	"HTTPRedirect.uri":           {41, text("/new", "/a?b=c", "/")},
	"HTTPRedirect.authority":     {0, text("example.com", "a:8080")},
	"HTTPRedirect.scheme":        {51, text("http", "https")},
	"HTTPRedirect.port":          {51, number(80, 443, 8080)},
	"HTTPRedirect.redirectCode":  {0, number(301, 302, 303, 307, 308)},
	"HTTPRedirect.prefixRewrite": {0, text("/b", "/")},

	"HTTPDirectResponse.status": {always, number(200, 204, 301, 404, 503, 599)},
	"HTTPBody.string":           {always, text("", "hello", "%REQ(x)%", "{\"a\": 1}")},
	"HTTPBody.bytes":            {always, text("aGVsbG8=", "AP8=")},

	"HTTPRewrite.uri":       {51, text("/b", "/", "/c/d")},
	"HTTPRewrite.authority": {41, text("b.example.com", "reviews:9080")},
	"RegexRewrite.match":    {always, text("^/([a-z]+)/(.*)$", "(/)(x)?")},
	"RegexRewrite.rewrite":  {always, text(`/\1/\2`, `\0`, "/c", `\\`)},

	"HTTPRetry.attempts":      {always, number(1, 2, 5)},
	"HTTPRetry.perTryTimeout": {0, text("10ms", "1s")},
	"HTTPRetry.retryOn":       {61, text("5xx", "gateway-error,reset", "503,429", "connect-failure, refused-stream,unavailable,cancelled", "retriable-4xx,reset-before-request")},
	"HTTPRetry.backoff":       {0, text("1ms", "25ms")},

	"Delay.fixedDelay":       {always, text("1ms", "5ms")},
	"Delay.exponentialDelay": {never, nil},
	"Delay.percentage":       {always, nil},
	"Delay.percent":          {never, nil},
	"Abort.httpStatus":       {always, number(200, 400, 503, 599)},
	"Abort.grpcStatus":       {always, text("UNAVAILABLE", "NOT_FOUND", "5", "OK")},
	"Abort.http2Error":       {never, nil},
	"Abort.percentage":       {always, nil},

	"CorsPolicy.allowOrigins":  {71, origins},
	"CorsPolicy.allowOrigin":   {6, texts(2, "*", "https://a.example.com")},
	"CorsPolicy.allowMethods":  {0, texts(3, "GET", "POST", "DELETE", "*")},
	"CorsPolicy.allowHeaders":  {0, texts(2, "x-a", "content-type", "*")},
	"CorsPolicy.exposeHeaders": {0, texts(2, "x-a", "x-b")},
	"CorsPolicy.maxAge":        {0, text("1s", "24h")},

	"TLSRoute.match":                        {always, nil},
	"TLSRoute.route":                        {always, nil},
	"TLSMatchAttributes.sniHosts":           {always, func(d *drawing) any { return d.some(2, d.hosts...) }},
	"TLSMatchAttributes.destinationSubnets": {16, subnets},
	"TLSMatchAttributes.port":               {21, func(d *drawing) any { return d.anyPort() }},
	"TLSMatchAttributes.sourceLabels":       {11, callers},
	"TLSMatchAttributes.gateways":           {11, gatewayNames},
	"TLSMatchAttributes.sourceNamespace":    {11, text("default", "ops")},

	"TCPRoute.route":                       {always, nil},
	"L4MatchAttributes.destinationSubnets": {16, subnets},
	"L4MatchAttributes.port":               {31, func(d *drawing) any { return d.anyPort() }},
	"L4MatchAttributes.sourceSubnet":       {11, text("127.80.0.0/16", "10.0.0.1")},
	"L4MatchAttributes.sourceLabels":       {11, callers},
	"L4MatchAttributes.gateways":           {11, gatewayNames},
	"L4MatchAttributes.sourceNamespace":    {11, text("default", "ops")},
}
