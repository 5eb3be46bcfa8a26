package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Filter signs the requests that a workload sends: HMAC-SHA256 over the time,
// the method, the host, the path and some headers, one a line.
type Filter struct {
	sdk.Base
	config Config
	host   sdk.Host
}

// New reads the configuration.
func New(h sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	return &Filter{config: c, host: h}, nil
}

// OnRequest writes x-signature-time, and x-signature: "KEYID:BASE64".
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	at := strconv.FormatInt(f.host.Clock()/1e9, 10)
	mac := hmac.New(sha256.New, []byte(string(f.config.Key)))
	mac.Write([]byte(at + "\n"))
	for _, names := range [][]string{{":method", ":authority", ":path"}, f.config.Headers} {
		for _, name := range names {
			value, _ := s.Request().Get(name)
			mac.Write([]byte(name + ":" + value + "\n"))
		}
	}
	s.Request().Set("x-signature-time", at)
	s.Request().Set("x-signature", f.config.KeyID+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return sdk.Continue
}
