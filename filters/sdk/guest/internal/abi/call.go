package abi

// HTTPCall starts a call; headers come in two lists, the second behind the first.
func HTTPCall(cluster string, first, more [][2]string, body []byte, trailers [][2]string, milliseconds uint32) (token uint32, s Status) {
	scratch = appendPairs(scratch[:0], first, more)
	end := len(scratch)
	scratch = appendPairs(scratch, trailers)
	s = proxyHTTPCall(cluster, text(scratch[:end]), text(body), text(scratch[end:]), milliseconds, &returned.number)
	return returned.number, s
}

// GRPCCall starts a call of one message. The service is an encoded
// envoy.config.core.v3.GrpcService.
func GRPCCall(service []byte, name, method string, metadata [][2]string, message []byte, milliseconds uint32) (token uint32, s Status) {
	scratch = appendPairs(scratch[:0], metadata)
	s = proxyGRPCCall(text(service), name, method, text(scratch), text(message), milliseconds, &returned.number)
	return returned.number, s
}

// GRPCCancel ends a call; its callback does not come any more.
func GRPCCancel(token uint32) { proxyGRPCCancel(token) }

// CallStatus reads the text of a failed call.
func CallStatus() string {
	if proxyGetStatus(&returned.number, &returned.at, &returned.size) != OK {
		return ""
	}
	return text(take())
}
