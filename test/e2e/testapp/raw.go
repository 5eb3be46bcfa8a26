package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"
)

// serveTLS shows a certificate of the workload's own, signed by itself.
func serveTLS(l net.Listener) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: os.Getenv("KRATER_WORKLOAD")},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return http.Serve(tls.NewListener(l, config), http.HandlerFunc(echo))
}

// serveTCP greets first, as mail and database servers do, and then repeats.
func serveTCP(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			fmt.Fprintf(c, "hello from %s\n", os.Getenv("KRATER_WORKLOAD"))
			lines := bufio.NewScanner(c)
			for lines.Scan() {
				fmt.Fprintf(c, "heard %s\n", lines.Text())
			}
		}()
	}
}
