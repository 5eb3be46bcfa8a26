//go:build !wasm

package guest

import "github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"

// setProperty exists outside Wasm only so that tools can read this package.
func setProperty(name, value string) error {
	return proxywasm.SetProperty([]string{name}, []byte(value))
}
