package guest

import (
	"encoding/binary"
	"errors"
	"strconv"

	"github.com/krater-mesh/krater/filters/sdk"
)

// These two are called without the upstream SDK: its SetProperty refuses an
// empty value, its SendHttpResponse leaves the details out.

//go:wasmimport env proxy_set_property
func proxySetProperty(name, value string) uint32

//go:wasmimport env proxy_send_local_response
func proxySendLocalResponse(status uint32, details, body, headers string, grpcStatus int32) uint32

func setProperty(name, value string) error { return failure(proxySetProperty(name, value)) }

func reply(r sdk.Reply) error {
	const noGRPCStatus = -1
	return failure(proxySendLocalResponse(uint32(r.Status), r.Details, r.Body, pairs(r.Headers), noGRPCStatus))
}

// pairs writes headers as proxy-wasm reads them: their number, all sizes, then
// names and values, each with a 0 byte behind it.
func pairs(headers [][2]string) string {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(headers)))
	for _, h := range headers {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(h[0])))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(h[1])))
	}
	for _, h := range headers {
		b = append(append(b, h[0]...), 0)
		b = append(append(b, h[1]...), 0)
	}
	return string(b)
}

func failure(status uint32) error {
	if status == 0 {
		return nil
	}
	return errors.New("status " + strconv.Itoa(int(status)))
}
