package filtertest

import "google.golang.org/protobuf/encoding/protowire"

// grpcService reads an envoy.config.core.v3.GrpcService of an Envoy cluster.
// What is none is a cluster's name, as Envoy takes it.
func grpcService(text string) (cluster, authority string) {
	fields, good := stringFields(text)
	inner, goodInner := stringFields(fields[1])
	if !good || !goodInner || fields[1] == "" {
		return text, ""
	}
	return inner[1], inner[2]
}

// stringFields reads a message of which we know nothing but strings.
func stringFields(text string) (fields map[protowire.Number]string, good bool) {
	fields = map[protowire.Number]string{}
	for b := []byte(text); len(b) > 0; {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 || kind != protowire.BytesType {
			return fields, false
		}
		b = b[n:]
		value, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return fields, false
		}
		fields[number] = string(value)
		b = b[n:]
	}
	return fields, true
}
