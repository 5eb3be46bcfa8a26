package tour

import (
	"fmt"
	"time"
)

const (
	fixedDelay = 2 * time.Second // ratings.yaml's
	delaySlack = 2 * time.Second
)

var delay = single("For snail the ratings are slow",
	"ratings.yaml's fault delays the call by 2 s, for this user only",
	request{path: ratingsPath, header: "end-user: snail"},
	all(want(200, `"stars"`), func(r response) error {
		if r.elapsed < fixedDelay || r.elapsed > fixedDelay+delaySlack {
			return fmt.Errorf("wanted an answer after %s, got it after %s", fixedDelay, r.elapsed.Round(time.Millisecond))
		}
		return nil
	}))

var abort = single("For doomed the ratings fail",
	"ratings.yaml's fault aborts the call with 500, before it leaves the caller's sidecar",
	request{path: ratingsPath, header: "end-user: doomed"},
	want(500, "fault filter abort"))
