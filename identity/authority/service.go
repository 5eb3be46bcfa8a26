package authority

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/krater-mesh/krater/identity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	securityv1alpha1 "istio.io/api/security/v1alpha1"
)

// maxRequest is the most bytes a whole request may have.
const maxRequest = 16 << 10

// service is Istio's, so that any agent that speaks it gets its certificate.
type service struct {
	securityv1alpha1.UnimplementedIstioCertificateServiceServer
	a *Authority
}

// Register serves CSRs and the mesh's roots. Both find out themselves who
// asks, by ServerTLS's connections.
func (a *Authority) Register(s grpc.ServiceRegistrar) {
	securityv1alpha1.RegisterIstioCertificateServiceServer(s, service{a: a})
	identity.RegisterTrustBundles(s, a.watch)
}

// refused is why a request gets no certificate.
type refused struct {
	kind Kind
	code codes.Code
	err  error
}

func (r *refused) Error() string { return r.err.Error() }

func refuse(kind Kind, code codes.Code, err error) error { return &refused{kind, code, err} }

// CreateCertificate answers a CSR with a chain, whose last element is the
// bundle: one text of one or more roots.
func (s service) CreateCertificate(ctx context.Context, req *securityv1alpha1.IstioCertificateRequest) (*securityv1alpha1.IstioCertificateResponse, error) {
	a := s.a
	from := addressOf(ctx)
	if from != unixPeer && a.limits.empty(from, rateRefused) {
		return nil, status.Error(codes.ResourceExhausted, "too many requests of this connection were refused; try again in some seconds")
	}
	by, csr, err := a.admit(ctx, req)
	if err == nil {
		var out *securityv1alpha1.IstioCertificateResponse
		if out, err = a.answer(by, csr, req); err == nil {
			return out, nil
		}
	}
	return nil, a.tell(from, by, csr, err)
}

// admit finds out who asks, and whether what is asked for is theirs.
func (a *Authority) admit(ctx context.Context, req *securityv1alpha1.IstioCertificateRequest) (asker, *x509.CertificateRequest, error) {
	if n := proto.Size(req); n > maxRequest {
		return asker{}, nil, refuse(BadRequest, codes.InvalidArgument, fmt.Errorf("the request has %d bytes, the most is %d", n, maxRequest))
	}
	by, err := a.authenticate(ctx, req.Metadata)
	if err != nil {
		return by, nil, refuse(NotAuthenticated, codes.Unauthenticated, err)
	}
	if !a.limits.take(by.subject, by.rate) {
		return by, nil, refuse(TooOften, codes.ResourceExhausted, errors.New("too many certificates in a short time; try again later"))
	}
	csr, err := parseCSR([]byte(req.Csr))
	if err == nil && req.ValidityDuration < 0 {
		err = fmt.Errorf("a validity of %d s", req.ValidityDuration)
	}
	if err != nil {
		return by, csr, refuse(BadRequest, codes.InvalidArgument, err)
	}
	if !agrees(csr, by.Claims) {
		return by, csr, refuse(OtherIdentity, codes.PermissionDenied,
			fmt.Errorf("%w than %s, %s, which is what it may have", ErrOtherIdentity, by.Claims.Identity, by.Claims.DNSName()))
	}
	if by.Claims.Identity == identity.System(by.Claims.TrustDomain, identity.ControlPlane).Identity {
		return by, csr, refuse(NotPermitted, codes.PermissionDenied, errors.New("the control plane's identity leaves its process for nobody"))
	}
	if a.o.Permit != nil {
		if err := a.o.Permit(by.Request); err != nil {
			return by, csr, refuse(NotPermitted, codes.PermissionDenied, err)
		}
	}
	return by, csr, nil
}

// answer signs. What may be used once is used up before anybody has the
// certificate.
func (a *Authority) answer(by asker, csr *x509.CertificateRequest, req *securityv1alpha1.IstioCertificateRequest) (*securityv1alpha1.IstioCertificateResponse, error) {
	ttl := time.Duration(min(req.ValidityDuration, int64(a.o.MaxTTL/time.Second))) * time.Second
	chain, bundle, err := a.certify(csr.PublicKey, by.Claims, ttl)
	if err != nil {
		return nil, refuse(Failed, codes.Internal, err)
	}
	switch err := a.claim(by, fingerprint(csr), chain[0].NotAfter); {
	case errors.Is(err, errUsed):
		return nil, refuse(TokenUsed, codes.PermissionDenied, err)
	case errors.Is(err, errTaken):
		return nil, refuse(NameTaken, codes.AlreadyExists, err)
	case err != nil:
		return nil, refuse(Failed, codes.Internal, err)
	}
	a.o.Logger.Info("a certificate was issued", "to", by.Claims.Identity.String(), "workload", by.Claims.ID(),
		"renewal", by.Renewal, "serial", chain[0].SerialNumber.Text(16), "until", chain[0].NotAfter.UTC().Format(time.RFC3339))
	out := &securityv1alpha1.IstioCertificateResponse{CertChain: []string{encode(chain[0])}}
	if len(chain) > 1 {
		out.CertChain = append(out.CertChain, encode(chain[1:]...))
	}
	out.CertChain = append(out.CertChain, string(bundle.PEM()))
	return out, nil
}

// tell makes a refusal known to all: the asker, the log, the mesh's status.
func (a *Authority) tell(from string, by asker, csr *x509.CertificateRequest, err error) error {
	var why *refused
	if !errors.As(err, &why) {
		why = &refused{Failed, codes.Internal, err}
	}
	a.limits.take(from, rateRefused)
	r := Refusal{At: a.o.Clock(), Asker: by.subject, Address: from, Kind: why.kind, Reason: why.Error()}
	if r.Asker == "" {
		r.Asker = "nobody"
	}
	if csr != nil {
		r.Wanted = named(csr)
	}
	a.refusals.add(r)
	a.o.Logger.Warn("a request for a certificate was refused", "asker", r.Asker, "address", r.Address, "wanted", r.Wanted, "kind", string(r.Kind), "reason", r.Reason)
	if a.o.Observe != nil {
		a.o.Observe(r)
	}
	if why.kind == Failed {
		return status.Error(why.code, "the authority could not sign; its log says why")
	}
	return status.Error(why.code, why.Error())
}

// watch sends the bundle of now, and then each next one, to members.
func (a *Authority) watch(s *identity.BundleSender) error {
	for {
		if _, err := a.Peer(s.Context()); err != nil {
			return status.Error(codes.Unauthenticated, err.Error())
		}
		changed := a.Changed()
		if err := s.Send(a.Bundle()); err != nil {
			return err
		}
		select {
		case <-s.Context().Done():
			return nil
		case <-changed:
		}
	}
}
