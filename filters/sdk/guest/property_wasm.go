package guest

import (
	"errors"
	"strconv"
)

// proxySetProperty is called without the upstream SDK, which refuses an empty
// value; proxy-wasm allows it.
//
//go:wasmimport env proxy_set_property
func proxySetProperty(name, value string) uint32

func setProperty(name, value string) error {
	if status := proxySetProperty(name, value); status != 0 {
		return errors.New("status " + strconv.Itoa(int(status)))
	}
	return nil
}
