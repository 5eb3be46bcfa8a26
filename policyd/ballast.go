package policyd

import "os"

// ballastBytes is how much garbage more lies about before it is collected. What
// is alive is a few megabytes, so that at Go's own pace the collector would run
// after every few hundred decisions.
const ballastBytes = 32 << 20

// ballast makes Go's collector wait for more garbage, by an amount that does not
// grow with the policies as a higher GOGC would. It is never written to: it takes
// addresses, and no memory. Whoever sets GOGC or GOMEMLIMIT has Go's own pace.
func ballast() []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, ballastBytes)
}
