package tour

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	limitRequests = 5  // policy/limit.yaml's, in ten seconds
	limitTries    = 12 // the bucket refills a little meanwhile
)

var limited = Step{
	Title: "A client that names itself gets five requests in ten seconds",
	Curl: func(o Options) string {
		return fmt.Sprintf("for i in $(seq %d); do curl -s -o /dev/null -w '%%{http_code} ' -H 'x-demo-client: me' %s/api/v1/products; done",
			limitRequests+1, o.Page)
	},
	Shows: "policy/limit.yaml, counted by Envoy for each client's name",
	Do: func(ctx context.Context, v *visit) (string, error) {
		// A name of its own, so that a tour just before does not count.
		name := "tour-" + strconv.FormatInt(time.Now().UnixNano(), 36)
		result := ""
		for i := range limitTries {
			got, err := v.send(ctx, request{path: "/api/v1/products", header: "x-demo-client: " + name})
			if err != nil {
				return result, err
			}
			result += strconv.Itoa(got.status) + " "
			switch {
			case got.status == http.StatusTooManyRequests && i >= limitRequests:
				return result, nil
			case got.status != http.StatusOK:
				return result, fmt.Errorf("wanted %d times 200, then 429", limitRequests)
			}
		}
		return result, fmt.Errorf("wanted 429 after %d requests, got none in %d", limitRequests, limitTries)
	},
}
