package verify

import (
	"fmt"
	"strings"
)

// exchange is a request and its answer, or a connection's bytes.
type exchange struct {
	name         string
	request      [][2]string
	requestBody  []string // in chunks
	response     [][2]string
	responseBody []string
	trailers     [][2]string
	cancelled    bool // the client goes away before the answer
	noHeaders    bool // and even before its request was read
}

// exchanges are of the forms that filters meet in a mesh, and of those that
// they meet when somebody is careless or means harm. Envoy lets all of these
// through to a filter, or nearly: where it would not, nothing must break.
func exchanges() []exchange {
	var many [][2]string
	for i := range 300 {
		many = append(many, [2]string{fmt.Sprintf("x-many-%d", i), strings.Repeat("v", i)})
	}
	long := strings.Repeat("a", 60<<10)
	binary := string([]byte{0x80, 0xff, 0xfe, 0xc0, 0xaf, 0x01, 0x7f})
	deep := strings.Repeat("[", 5000)
	json := `{"id":1,"name":"n","mail":"a@example.test","list":[1,2,3],"none":null}`
	chunk := strings.Repeat("0123456789abcdef", 1024)

	return []exchange{
		get("plain", "/"),
		get("a query", "/products/7/reviews?lang=de&q=a%20b+c&empty=&=x&q=2"),
		post("a body", json),
		post("a body in parts", json[:7], "", json[7:8], json[8:]),
		post("a large body", chunk, chunk, chunk, chunk),
		post("a body that is cut off", json[:20]),
		post("a body that is deep", deep),
		post("a body that is no text", binary+"\x00\x00"+binary),
		post("an empty body", ""),
		get("many headers", "/many", many...),
		get("a large header", "/large", [2]string{"x-large", long}),
		get("a long path", "/"+long),
		get("a header without a value", "/", [2]string{"authorization", ""}, [2]string{"cookie", ""}),
		get("headers that repeat", "/", [2]string{"x-a", "1"}, [2]string{"x-a", "2"}, [2]string{"cookie", "a=1"}, [2]string{"cookie", "a=2; b"}),
		get("bytes that are no text", "/%ff%00?%zz=%", [2]string{"x-bytes", binary}, [2]string{"user-agent", binary}),
		get("cookies that are none", "/", [2]string{"cookie", ";;=;a==;=b; ,=\"\"; c"}),
		get("a token that is none", "/", [2]string{"authorization", "Bearer a.b.c.d"}, [2]string{"x-api-key", "'; --"}),
		get("a token that is cut off", "/", [2]string{"authorization", "Bearer eyJhbGciOiJub25lIn0."}, [2]string{"authorization", "Basic ===="}),
		get("numbers that are too large", "/", [2]string{"content-length", "99999999999999999999"}, [2]string{"x-request-id", "-1"}, [2]string{"grpc-timeout", "1e9999H"}),
		get("addresses that are none", "/", [2]string{"x-forwarded-for", "1.2.3.4.5, ::1::, ,"}, [2]string{"x-forwarded-proto", "gopher"}, [2]string{"host", ":"}),
		{name: "without a path", request: [][2]string{{":method", "CONNECT"}, {":authority", "example.test:443"}}, response: status(200)},
		{name: "without an authority", request: [][2]string{{":method", "OPTIONS"}, {":path", "*"}, {":scheme", "http"}}, response: status(204)},
		{name: "without any header", request: [][2]string{}, response: [][2]string{}},
		{name: "with trailers", request: headers("POST", "/grpc.Service/Method", [2]string{"content-type", "application/grpc"}), requestBody: []string{"\x00\x00\x00\x00\x02\x08\x01"},
			response: status(200), responseBody: []string{"\x00\x00\x00\x00\x00"}, trailers: [][2]string{{"grpc-status", "0"}, {"grpc-message", ""}}},
		{name: "answered 503", request: headers("GET", "/"), response: status(503), responseBody: []string{"upstream connect error"}},
		{name: "answered with much", request: headers("GET", "/"), response: append(status(200), many...), responseBody: []string{chunk, "", chunk}},
		{name: "cancelled", request: headers("POST", "/"), requestBody: []string{"a"}, cancelled: true},
		{name: "gone before it came", noHeaders: true},
	}
}

func headers(method, path string, more ...[2]string) [][2]string {
	return append([][2]string{
		{":method", method}, {":path", path}, {":authority", "example.test"}, {":scheme", "http"},
		{"user-agent", "krater-verify"}, {"accept", "*/*"}, {"x-request-id", "0af7651916cd43dd8448eb211c80319c"},
	}, more...)
}

func status(n int) [][2]string {
	return [][2]string{{":status", fmt.Sprint(n)}, {"content-type", "application/json"}, {"server", "envoy"}}
}

func get(name, path string, more ...[2]string) exchange {
	return exchange{name: name, request: headers("GET", path, more...), response: status(200), responseBody: []string{`{"a":"b"}`}}
}

func post(name string, body ...string) exchange {
	return exchange{
		name: name, request: headers("POST", "/", [2]string{"content-type", "application/json"}), requestBody: body,
		response: status(200), responseBody: body,
	}
}

// properties fills in what Envoy tells of a stream.
func (r exchange) properties(p map[string]string) {
	for name, value := range map[string]string{
		"source.address": "127.0.0.6:40000", "destination.address": "127.0.0.1:80", "connection.mtls": "\x00",
		"request.protocol": "HTTP/1.1", "request.time": "\x00\x10\x5e\x5f\x00\x00\x00\x00", "route_name": "", "cluster_name": "outbound|80||example.test",
	} {
		p[strings.ReplaceAll(name, ".", "\x00")] = value
	}
	for _, h := range r.request {
		if h[0] == ":path" {
			p["request\x00path"] = h[1]
		}
	}
}
