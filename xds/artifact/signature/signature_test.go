package signature

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
	cosign "github.com/sigstore/sigstore/pkg/signature/payload"
)

var message = []byte("\x00asm\x01\x00\x00\x00 a module")

func keys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	out := map[string]crypto.Signer{}
	for name, ed := range map[string]bool{"ecdsa": false, "ed25519": true} {
		k, err := NewKey(ed)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = k
	}
	return out
}

// What sigstore's own library signs is good here, and the other way round.
func TestSigstoreAndWeAgree(t *testing.T) {
	for kind, key := range keys(t) {
		public, err := PublicOf(key)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := sigstore.LoadSignerVerifier(key, crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := theirs.SignMessage(bytes.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		text := base64.StdEncoding.EncodeToString(raw) + "\n"
		if by, ok := Signer([]*PublicKey{public}, message, text); !ok || by != public.Fingerprint() {
			t.Errorf("%s: what sigstore signed is refused", kind)
		}
		ours, err := Sign(key, message)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ = base64.StdEncoding.DecodeString(ours)
		if err := theirs.VerifySignature(bytes.NewReader(raw), bytes.NewReader(message)); err != nil {
			t.Errorf("%s: sigstore refuses what was signed here: %v", kind, err)
		}
		theirPEM, err := cryptoutils.MarshalPublicKeyToPEM(key.Public())
		if err != nil || !bytes.Equal(theirPEM, public.PEM()) {
			t.Errorf("%s: the public key is written as\n%s, by sigstore as\n%s%v", kind, public.PEM(), theirPEM, err)
		}
	}
}

func TestThePayloadIsCosigns(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	image, err := name.NewDigest("registry.example.com/team/filter@" + digest)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := json.Marshal(cosign.Cosign{Image: image})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := Payload("registry.example.com/team/filter", digest)
	if err != nil || !bytes.Equal(ours, theirs) {
		t.Errorf("ours is\n%s\ncosign's\n%s", ours, theirs)
	}
	if got, err := ReadPayload(theirs); err != nil || got != digest {
		t.Errorf("read as %s, %v", got, err)
	}
	if Tag(digest) != "sha256-"+strings.Repeat("ab", 32)+".sig" {
		t.Errorf("the tag is %s", Tag(digest))
	}
	for _, bad := range []string{"", "{}", "[]", strings.Replace(string(theirs), "cosign container", "atomic container", 1)} {
		if _, err := ReadPayload([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestWrongSignatures(t *testing.T) {
	all := keys(t)
	for kind, key := range all {
		good, err := Sign(key, message)
		if err != nil {
			t.Fatal(err)
		}
		public, _ := PublicOf(key)
		raw, _ := base64.StdEncoding.DecodeString(good)
		raw[len(raw)/2] ^= 1
		for what, text := range map[string]string{"changed": base64.StdEncoding.EncodeToString(raw), "empty": "", "no base64": "###",
			"cut": good[:8], "too long": good + strings.Repeat(" ", MaxSize)} {
			if _, ok := Signer([]*PublicKey{public}, message, text); ok {
				t.Errorf("%s: a signature that is %s is good", kind, what)
			}
		}
		if _, ok := Signer([]*PublicKey{public}, append(message, 0), good); ok {
			t.Errorf("%s: it is good for another message", kind)
		}
		for other, k := range all {
			if p, _ := PublicOf(k); other != kind {
				if _, ok := Signer([]*PublicKey{p}, message, good); ok {
					t.Errorf("%s is good for the key of %s", kind, other)
				}
			}
		}
		if _, ok := Signer(nil, message, good); ok {
			t.Errorf("%s: it is good without a key", kind)
		}
	}
}

func TestAKeyIsEncryptedAsSigstoreDoes(t *testing.T) {
	password := func() ([]byte, error) { return []byte("hunter2"), nil }
	for kind, key := range keys(t) {
		text, err := MarshalKey(key, []byte("hunter2"))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		der, err := encrypted.Decrypt(block.Bytes, []byte("hunter2"))
		if err != nil {
			t.Fatalf("%s: sigstore cannot read it: %v", kind, err)
		}
		if back, err := ParseKey(text, password); err != nil || !back.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
			t.Errorf("%s: read as another key, %v", kind, err)
		}
		theirs, err := encrypted.Encrypt(der, []byte("hunter2"))
		if err != nil {
			t.Fatal(err)
		}
		for _, pemType := range []string{sealedType, sealedTypeOld} {
			if _, err := ParseKey(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: theirs}), password); err != nil {
				t.Errorf("%s: what sigstore encrypted is not read: %v", kind, err)
			}
		}
		if _, err := ParseKey(text, func() ([]byte, error) { return []byte("wrong"), nil }); err == nil || !strings.Contains(err.Error(), "password") {
			t.Errorf("%s: a wrong password gives %v", kind, err)
		}
		plain, err := MarshalKey(key, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseKey(plain, nil); err != nil {
			t.Errorf("%s: without a password: %v", kind, err)
		}
	}
}

func FuzzKeyFile(f *testing.F) {
	k, _ := NewKey(false)
	plain, _ := MarshalKey(k, nil)
	f.Add(plain)
	f.Add([]byte("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\ne30=\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if key, err := ParseKey(text, func() ([]byte, error) { return nil, nil }); err == nil {
			if _, err := Sign(key, message); err != nil {
				t.Skip("a curve that is not known")
			}
		}
	})
}

func FuzzSignature(f *testing.F) {
	k, _ := NewKey(false)
	public, _ := PublicOf(k)
	f.Add([]byte(`{"critical":{"type":"cosign container image signature"}}`), "AAAA")
	f.Fuzz(func(t *testing.T, body []byte, text string) {
		if _, ok := Signer([]*PublicKey{public}, body, text); ok {
			t.Error("a drawn signature is good")
		}
		if digest, err := ReadPayload(body); err == nil {
			_ = Tag(digest)
		}
	})
}
