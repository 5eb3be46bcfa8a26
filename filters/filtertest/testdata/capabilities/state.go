package main

import (
	"strconv"

	"github.com/krater-mesh/krater/filters/sdk"
)

// state uses what needs no call: shared data, metrics, properties, the log,
// the proxy's functions.
type state struct {
	sdk.Base
	host  sdk.Host
	hits  sdk.Counter
	sizes sdk.Histogram
	last  sdk.Gauge
}

func newState(h sdk.Host, config []byte) (sdk.Filter, error) {
	f := &state{host: h, hits: h.Counter("state_hits"), sizes: h.Histogram("state_sizes"), last: h.Gauge("state_last")}
	f.last.Set(7)
	f.hits.Add(0)
	if name, ok := h.Property("plugin_root_id"); !ok || name != "state" {
		h.Log(sdk.Error, "the root is called "+name)
	}
	if len(config) > 0 {
		h.Log(sdk.Info, "configured with "+string(config))
	}
	return f, nil
}

var destinationPort = []string{"destination", "port"}

func (f *state) OnRequest(s sdk.Stream) sdk.Verdict {
	count := 0
	for tries := 0; ; tries++ {
		value, cas, _ := f.host.Shared().Get("count")
		count, _ = strconv.Atoi(string(value))
		count++
		if f.host.Shared().Set("count", []byte(strconv.Itoa(count)), cas) || tries == 10 {
			break
		}
	}
	if f.host.Shared().Set("count", nil, 1<<30) {
		s.Log(sdk.Error, "a wrong cas was taken")
	}
	f.hits.Add(1)
	f.last.Add(3)
	f.sizes.Record(uint64(count))
	method, _ := s.Property("request", "method")
	raw, _ := s.Property(destinationPort...)
	port, _ := sdk.Number(raw)
	s.SetProperty("state.count", strconv.Itoa(count))
	back, _ := s.Property("state.count")
	s.SetLocal(method + " " + strconv.FormatInt(port, 10) + " " + back)
	packed, err := f.host.Foreign("compress", []byte("hello hello hello hello hello"))
	if err == nil {
		packed, err = f.host.Foreign("uncompress", packed)
	}
	if err != nil {
		packed = []byte(err.Error())
	}
	if _, err := f.host.Foreign("nothing", nil); err != nil {
		s.Request().Set("x-nothing", err.Error())
	}
	s.Request().Set("x-foreign", string(packed))
	s.Request().Set("x-now", strconv.FormatInt(sdk.Now(f.host).Unix(), 10))
	return sdk.Continue
}

func (f *state) OnResponse(s sdk.Stream) sdk.Verdict {
	text, _ := s.Local().(string)
	s.Response().Set("x-state", text)
	return sdk.Continue
}

func (f *state) OnLog(s sdk.Stream) {
	path, _ := s.Request().Get(":path")
	status, _ := s.Response().Get(":status")
	s.Log(sdk.Warn, "log of "+path+" "+status)
}
