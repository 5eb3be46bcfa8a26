// Command greeting is a filter of your own in fifty lines: it greets the
// caller in a header of the answer.
package main

import (
	"errors"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest"
)

func init() { guest.Register(sdk.Root{New: newGreeting}) }

func main() {} // the proxy runs only init

type greeting struct {
	sdk.Base
	text string
}

func newGreeting(_ sdk.Host, config []byte) (sdk.Filter, error) {
	g := &greeting{text: "hello"}
	if err := sdk.Decode(config, func(d *sdk.Decoder) { d.String("text", &g.text) }); err != nil {
		return nil, err
	}
	if g.text == "" {
		return nil, errors.New("text: must not be empty")
	}
	return g, nil
}

// OnRequest keeps the user's name: an answer has no request headers any more.
func (g *greeting) OnRequest(s sdk.Stream) sdk.Verdict {
	if user, ok := s.Request().Get("end-user"); ok {
		s.SetLocal(user)
	}
	return sdk.Continue
}

func (g *greeting) OnResponse(s sdk.Stream) sdk.Verdict {
	user, ok := s.Local().(string)
	if !ok {
		user = "stranger"
	}
	s.Response().Set("x-greeting", g.text+", "+user)
	return sdk.Continue
}
