package relay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/krater-mesh/krater/disk"
	"google.golang.org/protobuf/proto"
)

// format is the format of the files, and its version.
const format = "krater.dev/relay/v1"

// suffix is that of their names.
const suffix = ".lastgood"

// maxFile is the most that is read of one.
const maxFile = 512 << 20

// header is a file's first line. The rest is a DeltaDiscoveryResponse.
type header struct {
	Format string `json:"format"`
	Node   string `json:"node"`
	Type   string `json:"type"`
	SHA256 string `json:"sha256"` // of the rest
}

func fileName(typeURL string) string { return short(typeURL) + suffix }

func sameVersion(a, b *discoveryv3.Resource) bool { return a.GetVersion() == b.GetVersion() }

// encode is the content of a type's file.
func encode(node, typeURL string, all resources) ([]byte, error) {
	m := &discoveryv3.DeltaDiscoveryResponse{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m.Resources = append(m.Resources, all[name])
	}
	body, err := proto.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	sum := sha256.Sum256(body)
	line, err := json.Marshal(header{Format: format, Node: node, Type: typeURL, SHA256: hex.EncodeToString(sum[:])})
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	return slices.Concat(line, []byte("\n"), body), nil
}

// decode reads it back, and refuses what is another's or not as it was written.
func decode(content []byte, node string) (typeURL string, all resources, err error) {
	line, body, ok := bytes.Cut(content, []byte("\n"))
	var h header
	if !ok || json.Unmarshal(line, &h) != nil || h.Format != format {
		return "", nil, errors.New("it is not of the format " + format)
	}
	if sum := sha256.Sum256(body); h.SHA256 != hex.EncodeToString(sum[:]) {
		return "", nil, errors.New("its checksum is wrong")
	}
	if h.Node != node {
		return "", nil, fmt.Errorf("it is %q's, not %q's", h.Node, node)
	}
	m := &discoveryv3.DeltaDiscoveryResponse{}
	if err := proto.Unmarshal(body, m); err != nil {
		return "", nil, fmt.Errorf("it cannot be decoded: %w", err)
	}
	all = resources{}
	for _, r := range m.GetResources() {
		if r.GetName() == "" || r.GetResource().GetTypeUrl() != h.Type {
			return "", nil, fmt.Errorf("resource %q is no %s", r.GetName(), short(h.Type))
		}
		all[r.GetName()] = r
	}
	return h.Type, all, nil
}

func read(path, node string) (typeURL string, all resources, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", nil, err
	}
	if info.Size() > maxFile {
		return "", nil, fmt.Errorf("it has %d bytes", info.Size())
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	typeURL, all, err = decode(content, node)
	if err == nil && fileName(typeURL) != filepath.Base(path) {
		err = fmt.Errorf("it holds %s", typeURL)
	}
	return typeURL, all, err
}

// save writes a type's file, wholly or not at all, for its user only.
func save(dir, node, typeURL string, all resources) error {
	content, err := encode(node, typeURL, all)
	if err != nil {
		return err
	}
	return disk.Write(filepath.Join(dir, fileName(typeURL)), content)
}
