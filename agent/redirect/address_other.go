//go:build !linux

package redirect

import "errors"

func sourceAddress(bool) error { return errors.New("only Linux can redirect") }
