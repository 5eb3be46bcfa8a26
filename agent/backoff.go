package agent

import "time"

// backoff doubles the pause before each restart, and starts afresh once a
// process has stayed up for the calm time.
type backoff struct {
	first, most, calm time.Duration
	next              time.Duration
}

// after gives the pause for a process that stayed up that long.
func (b *backoff) after(up time.Duration) time.Duration {
	if up >= b.calm || b.next == 0 {
		b.next = b.first
	}
	wait := b.next
	b.next = min(2*b.next, b.most)
	return wait
}
