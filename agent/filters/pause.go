package filters

import "time"

// pause is what lies between one restart and the next: it doubles, and begins
// anew after a calm time.
type pause struct {
	first, most, calm time.Duration
	next              time.Duration
	last              time.Time
}

// The pauses after a trap, after growth beyond the limit, and after a request
// that was held. A filter that trapped fails closed meanwhile, if it does: the
// first pause is short.
var (
	trapPause   = pause{first: 500 * time.Millisecond, most: time.Minute, calm: 2 * time.Minute}
	memoryPause = pause{first: 5 * time.Second, most: 5 * time.Minute, calm: 10 * time.Minute}
	holdPause   = pause{first: 5 * time.Second, most: 5 * time.Minute, calm: 10 * time.Minute}
)

// after gives the pause of something that happens now.
func (p *pause) after(now time.Time) time.Duration {
	if p.next == 0 || now.Sub(p.last) > p.calm {
		p.next = p.first
	}
	wait := p.next
	p.next, p.last = min(2*p.next, p.most), now
	return wait
}
