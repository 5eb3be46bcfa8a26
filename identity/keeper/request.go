package keeper

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/krater-mesh/krater/identity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"
	securityv1alpha1 "istio.io/api/security/v1alpha1"
)

// requestTimeout bounds one request.
const requestTimeout = 10 * time.Second

// obtain gets a certificate: by the one there is, else, or where that is
// refused, by the token.
func (k *Keeper) obtain(ctx context.Context) error {
	key, err := k.nextKey()
	if err != nil {
		return err
	}
	var byCertificate error
	if _, ok := k.Current(); ok {
		if byCertificate = k.ask(ctx, key, ""); byCertificate == nil {
			return nil
		}
	}
	token, err := k.token()
	if err != nil || token == "" {
		if byCertificate != nil {
			return byCertificate
		}
		return errors.Join(err, errors.New("there is no certificate that could be renewed, and no token"))
	}
	err = k.ask(ctx, key, token)
	if err != nil && byCertificate != nil {
		return fmt.Errorf("%w (and by the token: %w)", byCertificate, err)
	}
	return err
}

// nextKey is on the disk before it is used: a token that is good once is good
// again for the same key, should the answer not arrive.
func (k *Keeper) nextKey() (*ecdsa.PrivateKey, error) {
	if key := k.now().pending; key != nil {
		return key, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return key, k.update(func(h held) (held, error) { h.pending = key; return h, nil })
}

// token reads the token's file; "": there is none.
func (k *Keeper) token() (string, error) {
	if k.o.TokenFile == "" {
		return "", nil
	}
	f, err := os.Open(k.o.TokenFile)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 8<<10))
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// ask sends one CSR, by a token, or without one by the certificate there is.
func (k *Keeper) ask(ctx context.Context, key *ecdsa.PrivateKey, token string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := k.request(key)
	if err != nil {
		return err
	}
	config := k.ClientTLS()
	if token != "" {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &tls.Certificate{}, nil }
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	conn, err := k.connect(config)
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := securityv1alpha1.NewIstioCertificateServiceClient(conn).CreateCertificate(ctx, request)
	if err != nil {
		return fmt.Errorf("asking %s for a certificate: %w", k.o.Server, err)
	}
	if err := k.take(key, answer.CertChain); err != nil {
		return fmt.Errorf("taking the certificate of %s: %w", k.o.Server, err)
	}
	return nil
}

// request names nobody: who we are is in the token, or in the certificate.
func (k *Keeper) request(key *ecdsa.PrivateKey) (*securityv1alpha1.IstioCertificateRequest, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, fmt.Errorf("making a CSR: %w", err)
	}
	out := &securityv1alpha1.IstioCertificateRequest{Csr: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))}
	if k.o.Address.IsValid() {
		out.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{"WorkloadIP": structpb.NewStringValue(k.o.Address.String())}}
	}
	return out, nil
}

func (k *Keeper) connect(config *tls.Config) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(k.o.Server,
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithNoProxy(), // the machine's proxy may be the one that waits for this certificate
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<20)))
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", k.o.Server, err)
	}
	return conn, nil
}

// take puts an answer in force. Its last element are the roots.
func (k *Keeper) take(key *ecdsa.PrivateKey, answer []string) error {
	if len(answer) < 2 {
		return errors.New("the answer has no root certificate")
	}
	last := len(answer) - 1
	chain, err := identity.ParseCertificates([]byte(strings.Join(answer[:last], "\n")))
	if err != nil {
		return err
	}
	bundle, err := identity.ParseBundle(k.o.TrustDomain, []byte(answer[last]))
	if err != nil {
		return err
	}
	return k.update(func(h held) (held, error) {
		bundle.TrustDomain, bundle.Aliases, bundle.Issuer = h.bundle.TrustDomain, h.bundle.Aliases, h.bundle.Issuer
		if k.following() { // what the watch brought may be newer than this answer
			if _, err := k.check(key, chain, h.bundle); err == nil {
				bundle = h.bundle
			}
		}
		claims, err := k.check(key, chain, bundle)
		return held{claims: claims, key: key, chain: chain, since: k.o.Clock().UTC(), bundle: bundle}, err
	})
}
