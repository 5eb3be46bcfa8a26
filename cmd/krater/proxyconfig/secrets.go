package proxyconfig

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"time"
)

// secrets are certificates and authorities. Keys are never shown.
func secrets(d Dump) Table {
	t := Table{Columns: []string{"NAME", "TYPE", "SUBJECT", "NAMES", "SERIAL", "NOT BEFORE", "NOT AFTER"}}
	for _, s := range d.all("SecretsConfigDump", "secret", "static_secrets", "dynamic_active_secrets", "dynamic_warming_secrets") {
		kind, source := "-", object(nil)
		switch {
		case s.has("tls_certificate"):
			kind, source = "certificate", s.get("tls_certificate", "certificate_chain")
		case s.has("validation_context"):
			kind, source = "authority", s.get("validation_context", "trusted_ca")
		}
		cells := append([]string{s.text("name"), kind}, certificateCells(source)...)
		t.Rows = append(t.Rows, Row{cells, s, facts{name: s.text("name")}})
	}
	return t.sorted()
}

// certificateCells reads the first certificate of a data source.
func certificateCells(source object) []string {
	c, err := certificate(source)
	if err != nil {
		return []string{"(" + err.Error() + ")", "-", "-", "-", "-"}
	}
	names := append([]string(nil), c.DNSNames...)
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	return []string{dash(c.Subject.CommonName), dash(strings.Join(names, ",")), c.SerialNumber.Text(16),
		c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339)}
}

func certificate(source object) (*x509.Certificate, error) {
	text := []byte(source.text("inline_string"))
	var err error
	switch {
	case source.text("inline_bytes") != "":
		text, err = base64.StdEncoding.DecodeString(source.text("inline_bytes"))
	case source.text("filename") != "":
		text, err = os.ReadFile(source.text("filename"))
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("no certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}
