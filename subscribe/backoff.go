package subscribe

import (
	"math/rand/v2"
	"time"
)

// backoff doubles from 100 ms to 5 s, with a random half taken off.
func backoff(attempt int) time.Duration {
	const first, most = 100 * time.Millisecond, 5 * time.Second
	wait := min(first<<min(max(attempt-1, 0), 10), most)
	return wait - rand.N(wait/2)
}
