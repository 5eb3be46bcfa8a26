package controlplane

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	securityv1alpha1 "istio.io/api/security/v1alpha1"
)

func TestAProxyComesByItsCertificate(t *testing.T) {
	r := newRig(t, t.TempDir())
	s := r.stream(r.dial(r.credential("shop", "cart", "cart")), "shop/cart", serve.TypeListener)
	if res, err := s.Recv(); err != nil || len(res.GetResources()) == 0 {
		t.Fatalf("%v, %v", res, err)
	}
	p := proxy(r.until("connected", func(s Status) bool { return proxy(s, "shop/cart").Connected }), "shop/cart")
	if c := p.Connection; c == nil || c.Identity != "spiffe://mesh.test/ns/shop/sa/cart" || time.Until(c.Ends) > time.Hour || time.Until(c.Ends) < 50*time.Minute {
		t.Errorf("shown as %+v", c)
	}
}

// A handshake that fails is seen by nothing behind it, and told all the same.
func TestForeignCertificatesAreTold(t *testing.T) {
	r := newRig(t, t.TempDir())
	foreign, err := authority.Open(authority.Options{Dir: t.TempDir(), TrustDomain: "mesh.test"})
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	c, err := foreign.Issue(identity.Claims{Identity: model.Identity{TrustDomain: "mesh.test", Namespace: "shop", ServiceAccount: "cart"}, Workload: "cart"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if r.refusal(r.dial(&c), "shop/cart") == nil {
		t.Fatal("a foreign certificate was taken")
	}
	r.until("the refusal is told", func(s Status) bool {
		return len(s.Refused) > 0 && s.Refused[0].What == "connection" && strings.Contains(s.Refused[0].Reason, "unknown authority")
	})
	if err := r.refusal(r.dial(r.credential("shop", "cart", "cart")), "bank/vault"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("another's node: %v", err)
	}
	r.until("the refusal is told", func(s Status) bool { return s.Refused[0].Workload == "shop/cart" && s.Refused[0].Node == "bank/vault" })
}

// Without a certificate nothing that is sent is even read, but a CSR.
func TestWithoutACertificateOnlyOneCallIsRead(t *testing.T) {
	r := newRig(t, t.TempDir())
	if err := r.refusal(r.dial(nil), "shop/cart"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a stream: %v", err)
	}
	r.until("the refusal is told", func(s Status) bool {
		return len(s.Refused) > 0 && s.Refused[0].What == "call" && s.Refused[0].Node == ""
	})
	_, err := securityv1alpha1.NewIstioCertificateServiceClient(r.dial(nil)).CreateCertificate(t.Context(), &securityv1alpha1.IstioCertificateRequest{Csr: "x"})
	if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "neither a token nor a certificate") {
		t.Errorf("a CSR: %v", err)
	}
}

// read reads a module whole.
func read(conn bytestream.ByteStreamClient, req *bytestream.ReadRequest) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := conn.Read(ctx, req)
	if err != nil {
		return nil, err
	}
	var out []byte
	for {
		res, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, res.GetData()...)
	}
}

func TestModulesAreReadByThoseWhoseFiltersTheyAre(t *testing.T) {
	r := newRig(t, t.TempDir())
	sum := sha256.Sum256(wasm)
	mine := "modules/sha256/" + hex.EncodeToString(sum[:])
	cart, vault := r.credential("shop", "cart", "cart"), r.credential("bank", "vault", "vault")
	policyd, err := r.authority.Issue(identity.System("mesh.test", identity.Policyd), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		by   *identity.Credential
		req  *bytestream.ReadRequest
		code codes.Code
		want []byte
	}{
		"its own":          {cart, &bytestream.ReadRequest{ResourceName: mine}, codes.OK, wasm},
		"a part":           {cart, &bytestream.ReadRequest{ResourceName: mine, ReadOffset: 1, ReadLimit: 3}, codes.OK, wasm[1:4]},
		"its end":          {cart, &bytestream.ReadRequest{ResourceName: mine, ReadOffset: int64(len(wasm))}, codes.OK, nil},
		"behind its end":   {cart, &bytestream.ReadRequest{ResourceName: mine, ReadOffset: int64(len(wasm)) + 1}, codes.OutOfRange, nil},
		"before its start": {cart, &bytestream.ReadRequest{ResourceName: mine, ReadOffset: -1}, codes.OutOfRange, nil},
		"another's":        {vault, &bytestream.ReadRequest{ResourceName: mine}, codes.PermissionDenied, nil},
		"for a daemon":     {&policyd, &bytestream.ReadRequest{ResourceName: mine}, codes.PermissionDenied, nil},
		"for nobody":       {nil, &bytestream.ReadRequest{ResourceName: mine}, codes.Unauthenticated, nil},
		"an unknown one":   {cart, &bytestream.ReadRequest{ResourceName: "modules/sha256/" + strings.Repeat("0", 64)}, codes.PermissionDenied, nil},
		"a file":           {cart, &bytestream.ReadRequest{ResourceName: "modules/sha256/../../ca/authority.json"}, codes.InvalidArgument, nil},
		"no name":          {cart, &bytestream.ReadRequest{}, codes.InvalidArgument, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(bytestream.NewByteStreamClient(r.dial(c.by)), c.req)
			if status.Code(err) != c.code || !bytes.Equal(got, c.want) {
				t.Errorf("%q, %v; want %q, %s", got, err, c.want, c.code)
			}
		})
	}
	r.until("the refusals are told", func(s Status) bool {
		for _, x := range s.Refused {
			if x.What == "module" && x.Workload == "bank/vault" {
				return true
			}
		}
		return false
	})
}

func TestADeniedWorkloadIsShutOut(t *testing.T) {
	r := newRig(t, t.TempDir())
	s := r.stream(r.dial(r.credential("shop", "cart", "cart")), "shop/cart", serve.TypeListener)
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r.write("denied", "shop/cart # its key was stolen\nnobody\n")
	if _, err := s.Recv(); status.Code(err) != codes.PermissionDenied {
		t.Errorf("its stream ended with %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("its stream ended after %s", took)
	}
	if err := r.refusal(r.dial(r.credential("shop", "cart", "cart")), "shop/cart"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("another stream: %v", err)
	}
	if err := r.permit(authority.Request{Claims: r.credential("shop", "cart", "cart").Claims, Renewal: true}); err == nil {
		t.Error("its certificate is renewed")
	}
	r.until("the line that names nobody is a Problem", func(s Status) bool {
		return len(s.Problems) > 0 && s.Problems[len(s.Problems)-1].Origin.Line == 2
	})
	r.write("denied", "")
	r.until("it is let in again", func(Status) bool {
		return r.permit(authority.Request{Claims: r.credential("shop", "cart", "cart").Claims}) == nil
	})
}
