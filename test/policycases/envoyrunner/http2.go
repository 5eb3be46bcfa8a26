package envoyrunner

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// wire2 writes a request's pseudo headers and headers as they are, one stream
// after the other.
type wire2 struct {
	net.Conn
	framer *http2.Framer
	block  bytes.Buffer
	encode *hpack.Encoder
	stream uint32
}

func newHTTP2(conn net.Conn) (*wire2, error) {
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		return nil, err
	}
	w := &wire2{Conn: conn, framer: http2.NewFramer(conn, conn), stream: 1}
	w.encode = hpack.NewEncoder(&w.block)
	w.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return w, w.framer.WriteSettings()
}

func (w *wire2) close() { _ = w.Close() }

func (w *wire2) exchange(r request) (*http.Response, string, error) {
	_ = w.SetDeadline(time.Now().Add(patience))
	id := w.stream
	w.stream += 2
	fields := []hpack.HeaderField{{Name: ":method", Value: orText(r.Method, "GET")}, {Name: ":path", Value: orText(r.Path, "/")},
		{Name: ":scheme", Value: orText(r.Scheme, "http")}, {Name: ":authority", Value: orText(r.Host, "cases.test")}}
	for _, h := range r.Headers {
		fields = append(fields, hpack.HeaderField{Name: strings.ToLower(h.Name), Value: h.Value})
	}
	if err := w.headers(id, fields, len(r.Body)+len(r.trailers) == 0); err != nil {
		return nil, "", err
	}
	if len(r.Body) > 0 {
		if err := w.framer.WriteData(id, len(r.trailers) == 0, r.Body); err != nil {
			return nil, "", err
		}
	}
	if len(r.trailers) > 0 {
		fields = nil
		for _, h := range r.trailers {
			fields = append(fields, hpack.HeaderField{Name: strings.ToLower(h.Name), Value: h.Value})
		}
		if err := w.headers(id, fields, true); err != nil {
			return nil, "", err
		}
	}
	return w.read(id)
}

// headers writes one block, in as many frames as it takes.
func (w *wire2) headers(id uint32, fields []hpack.HeaderField, end bool) error {
	w.block.Reset()
	for _, f := range fields {
		if err := w.encode.WriteField(f); err != nil {
			return err
		}
	}
	block := w.block.Bytes()
	const most = 16000
	first := block[:min(len(block), most)]
	if err := w.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndStream: end, EndHeaders: len(first) == len(block)}); err != nil {
		return err
	}
	for rest := block[len(first):]; len(rest) > 0; {
		part := rest[:min(len(rest), most)]
		rest = rest[len(part):]
		if err := w.framer.WriteContinuation(id, len(rest) == 0, part); err != nil {
			return err
		}
	}
	return nil
}

// read gives the answer of a stream.
func (w *wire2) read(id uint32) (*http.Response, string, error) {
	res, body := &http.Response{Header: http.Header{}}, ""
	for {
		frame, err := w.framer.ReadFrame()
		if err != nil {
			return nil, "", err
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = w.framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				err = w.framer.WritePing(true, f.Data)
			}
		case *http2.GoAwayFrame:
			res.Close = true
			if f.ErrCode != http2.ErrCodeNo {
				err = fmt.Errorf("the proxy goes away: %v", f.ErrCode)
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == id && res.StatusCode == 0 {
				return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}}, "", nil // refused
			}
		case *http2.MetaHeadersFrame:
			if f.StreamID == id {
				for _, h := range f.Fields {
					if h.Name == ":status" {
						res.StatusCode, err = strconv.Atoi(h.Value)
					} else {
						res.Header.Add(h.Name, h.Value)
					}
				}
				if f.StreamEnded() {
					return res, body, err
				}
			}
		case *http2.DataFrame:
			if f.StreamID == id {
				body += string(f.Data())
				if f.StreamEnded() {
					return res, body, nil
				}
			}
		}
		if err != nil {
			return nil, "", err
		}
	}
}
