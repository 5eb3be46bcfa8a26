package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"strings"
	"testing"
)

var key = []byte("0123456789abcdef0123456789abcdef")

func seal(t *testing.T, text string) string {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := []byte("twelve bytes")
	return base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(text), nil))
}

func TestOpen(t *testing.T) {
	t.Setenv(KeyVariable, base64.StdEncoding.EncodeToString(key))
	for _, text := range []string{"", "hush", strings.Repeat("é", 1000)} {
		if have, err := Open(seal(t, text)); err != nil || have != text {
			t.Errorf("opened %q, %v", have, err)
		}
	}
	whole := seal(t, "hush")
	for _, sealed := range []string{"", "?", "aHVzaA==", whole[:len(whole)-4], "A" + whole[1:], strings.Replace(whole, whole[20:21], "_", 1)} {
		if have, err := Open(sealed); err == nil || have != "" {
			t.Errorf("%s: opened %q", sealed, have)
		}
	}
	for _, other := range []string{"", "!", "c2hvcnQ=", base64.StdEncoding.EncodeToString([]byte("another key that is as long as it"))} {
		t.Setenv(KeyVariable, other)
		if have, err := Open(whole); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("key %q: opened %q, %v", other, have, err)
		}
	}
}

// Whatever comes, nothing that nobody sealed is opened.
func FuzzOpen(f *testing.F) {
	f.Add("")
	f.Add("aHVzaA==")
	f.Fuzz(func(t *testing.T, sealed string) {
		t.Setenv(KeyVariable, base64.StdEncoding.EncodeToString(key))
		if text, err := Open(sealed); err == nil {
			t.Errorf("%q is %q", sealed, text)
		}
	})
}
