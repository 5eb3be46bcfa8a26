package main

import (
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

func sign(t *testing.T, path, tenant string) string {
	t.Helper()
	h := sdktest.NewHost()
	h.Time = time.Unix(1700000000, 0)
	f, err := New(h, []byte(`{"keyId":"k1","key":"secret","headers":["x-tenant"]}`))
	if err != nil {
		t.Fatal(err)
	}
	s := h.NewStream([2]string{":method", "GET"}, [2]string{":authority", "pay.example"}, [2]string{":path", path}, [2]string{"x-tenant", tenant},
		[2]string{"x-signature", "forged"})
	f.OnRequest(s)
	signature, _ := s.Request().Get("x-signature")
	return signature
}

// The wanted signature is OpenSSL's:
//
//	printf '1700000000\n:method:GET\n:authority:pay.example\n:path:/a?b\nx-tenant:blue\n' |
//	  openssl dgst -sha256 -hmac secret -binary | base64
func TestTheSignatureIsOpenSSLs(t *testing.T) {
	if got, want := sign(t, "/a?b", "blue"), "k1:GQ+GOxA9MAhk5HCMWvFg+4mSUiBAbuUSRR1BmVH+RaE="; got != want {
		t.Errorf("signed %s, want %s", got, want)
	}
	if sign(t, "/a?b", "red") == sign(t, "/a?b", "blue") || sign(t, "/a", "blue") == sign(t, "/a?b", "blue") {
		t.Error("another request has the same signature")
	}
}
