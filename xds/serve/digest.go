package serve

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// digest is the first 128 bits of a SHA-256: what a stream remembers of a
// resource, and, in hex, the version that the proxy sees.
type digest [16]byte

var (
	// absent is the digest of a resource that is not there.
	absent = digest{}
	// unheard stands for a name of which the proxy was told nothing, or has
	// dropped what it was told.
	unheard = digest{0xfe}
	// foreign is the digest of bytes that some other server gave.
	foreign = digest{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

// String is the version of the resource.
func (d digest) String() string { return hex.EncodeToString(d[:]) }

// parseDigest reads a version that a client reports.
func parseDigest(version string) digest {
	var d digest
	if n, err := hex.Decode(d[:], []byte(version)); err != nil || n != len(d) || len(version) != 2*len(d) || d == absent || d == unheard {
		return foreign
	}
	return d
}

// digestOf is the digest of a resource's type and bytes.
func digestOf(typeURL string, value []byte) digest {
	h := sha256.New()
	h.Write([]byte(typeURL))
	h.Write([]byte{0})
	h.Write(value)
	return digest(h.Sum(nil)[:16])
}

// digestOfAll is the digest of sorted names and their digests.
func digestOfAll(list []*resource) digest {
	h := sha256.New()
	for _, r := range list {
		h.Write([]byte(r.name))
		h.Write([]byte{0})
		h.Write(r.digest[:])
	}
	return digest(h.Sum(nil)[:16])
}

// short is a type URL's last word, for people.
func short(typeURL string) string {
	return typeURL[strings.LastIndexAny(typeURL, "./")+1:]
}
