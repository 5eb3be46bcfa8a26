package controlplane

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"sync"

	"github.com/krater-mesh/krater/cmd/krater/admission"
	"github.com/krater-mesh/krater/xds/artifact"
	"github.com/krater-mesh/krater/xds/serve"
	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// moduleReads gives agents Wasm modules by their digests: those, and only
// those, that the resources of the asking proxy name.
type moduleReads struct {
	bytestream.UnimplementedByteStreamServer
	gate    *admission.Gate
	server  *serve.Server
	modules string // their folder

	mu      sync.Mutex
	reading map[string]int // by node
}

// The bounds of reading: a message's bytes, and the reads of one proxy at once.
const (
	moduleChunk = 64 << 10
	maxReads    = 4
)

var moduleName = regexp.MustCompile(`^modules/sha256/([0-9a-f]{64})$`)

var _ bytestream.ByteStreamServer = (*moduleReads)(nil)

// Read implements google.bytestream.ByteStream.
func (m *moduleReads) Read(req *bytestream.ReadRequest, stream bytestream.ByteStream_ReadServer) error {
	member, err := m.gate.Member(stream.Context(), "module")
	if err != nil {
		return err
	}
	name := moduleName.FindStringSubmatch(req.GetResourceName())
	if name == nil {
		return status.Error(codes.InvalidArgument, "a module's name is modules/sha256/ and 64 hexadecimal digits")
	}
	if !m.server.Mentions(member.Node, serve.TypeExtensionConfig, []byte(name[1]+".wasm")) {
		return m.gate.Refuse(stream.Context(), "module", member, fmt.Sprintf("no filter of %s has the module %s", member.Node, name[1]), codes.PermissionDenied)
	}
	done, ok := m.begin(member.Node)
	if !ok {
		return status.Errorf(codes.ResourceExhausted, "%s reads %d modules already", member.Node, maxReads)
	}
	defer done()
	return send(artifact.Path(m.modules, "sha256:"+name[1]), req, stream)
}

// begin counts the reads of a node.
func (m *moduleReads) begin(node string) (done func(), ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reading[node] >= maxReads {
		return nil, false
	}
	if m.reading == nil {
		m.reading = map[string]int{}
	}
	m.reading[node]++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.reading[node]--; m.reading[node] == 0 {
			delete(m.reading, node)
		}
	}, true
}

// send streams a file from an offset on.
func send(path string, req *bytestream.ReadRequest, stream bytestream.ByteStream_ReadServer) error {
	f, err := os.Open(path)
	if err != nil {
		return status.Error(codes.NotFound, "the module is not kept here")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return status.Error(codes.Internal, "the module cannot be read")
	}
	offset, limit := req.GetReadOffset(), req.GetReadLimit()
	if offset < 0 || offset > info.Size() || limit < 0 {
		return status.Errorf(codes.OutOfRange, "the module has %d bytes", info.Size())
	}
	if limit == 0 {
		limit = info.Size()
	}
	section := io.NewSectionReader(f, offset, min(limit, info.Size()-offset))
	for {
		chunk := make([]byte, moduleChunk) // gRPC may keep it
		n, err := io.ReadFull(section, chunk)
		if n > 0 {
			if err := stream.Send(&bytestream.ReadResponse{Data: chunk[:n]}); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return status.Error(codes.Internal, "the module cannot be read")
		}
	}
}
