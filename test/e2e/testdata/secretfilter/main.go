// Command secretfilter shows that it has a secret, without saying it: it
// writes it backwards into a header of each answer.
package main

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest"
)

func init() { guest.Register(sdk.Root{New: New}) }

func main() {} // the proxy runs only init

type filter struct {
	sdk.Base
	header, text string
}

// New reads the configuration.
func New(_ sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	backwards := make([]byte, len(c.Key))
	for i := range len(c.Key) {
		backwards[len(c.Key)-1-i] = c.Key[i]
	}
	return &filter{header: c.Header, text: string(backwards)}, nil
}

// OnResponse implements sdk.Filter.
func (f *filter) OnResponse(s sdk.Stream) sdk.Verdict {
	s.Response().Set(f.header, f.text)
	return sdk.Continue
}
