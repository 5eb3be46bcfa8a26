package door

import (
	"errors"
	"io"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
)

// accessLogs takes Envoy's access logs.
type accessLogs struct {
	accesslogv3.UnimplementedAccessLogServiceServer
	d  *Door
	to accesslogv3.AccessLogServiceClient
}

var _ accesslogv3.AccessLogServiceServer = (*accessLogs)(nil)

// StreamAccessLogs implements the service. Who sends is looked at again with
// each message: these streams last longer than certificates.
func (a *accessLogs) StreamAccessLogs(in accesslogv3.AccessLogService_StreamAccessLogsServer) error {
	if _, err := a.d.sender(in.Context()); err != nil {
		return err
	}
	out, err := a.to.StreamAccessLogs(in.Context())
	if err != nil {
		return err
	}
	for {
		m, err := in.Recv()
		switch {
		case errors.Is(err, io.EOF):
			answer, err := out.CloseAndRecv()
			if err != nil {
				return err
			}
			return in.SendAndClose(answer)
		case err != nil:
			return err
		}
		from, err := a.d.sender(in.Context())
		if err != nil {
			return err
		}
		if id := m.GetIdentifier(); id != nil {
			id.Node = &corev3.Node{Id: from.id()}
		}
		if err := out.Send(m); err != nil {
			if errors.Is(err, io.EOF) { // only receiving tells why
				_, err = out.CloseAndRecv()
			}
			return err
		}
	}
}
