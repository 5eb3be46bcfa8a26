package controlplane

import (
	"bytes"

	"github.com/krater-mesh/krater/xds/serve"
	"google.golang.org/protobuf/proto"
)

// mentions tells whether any extension of a set names a module, whose digest
// is part of its file's name.
func mentions(set serve.Set, digest string) bool {
	for _, resource := range set[serve.TypeExtensionConfig] {
		if b, err := proto.Marshal(resource); err == nil && bytes.Contains(b, []byte(digest)) {
			return true
		}
	}
	return false
}
