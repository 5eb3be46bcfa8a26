package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// outcome of one request of many.
type outcome struct {
	id, want string
	canceled bool
	err      error
}

// neverCross sends requests, 100 at a time. Each makes a gRPC call, in its
// callback an HTTP call, in that one's a gRPC call again. Some clients go away,
// some calls are refused or time out; each request gets its own answers.
func (w *world) neverCross(t *testing.T) {
	const total, atOnce = 600, 100
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	defer client.CloseIdleConnections()
	ids := make(chan int)
	results := make(chan outcome)
	var group sync.WaitGroup
	for range atOnce {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := range ids {
				results <- w.chained(client, n)
			}
		}()
	}
	go func() {
		for n := range total {
			ids <- n
		}
		close(ids)
		group.Wait()
		close(results)
	}()
	kinds := map[string]int{}
	for o := range results {
		kinds[o.want[:min(4, len(o.want))]]++
		if o.canceled {
			kinds["canceled"]++
		}
		if o.err != nil {
			t.Errorf("request %s: %v", o.id, o.err)
		}
	}
	t.Logf("%v", kinds)
	harness.Until(t, 10*time.Second, "every stream to end", func() error {
		for _, name := range []string{"wasmcustom.chain_open", "cluster.grpc.upstream_rq_active"} {
			if v := w.envoy.Stat(t, name); v != "0" {
				return fmt.Errorf("%s is %s", name, v)
			}
		}
		return nil
	})
}

func (w *world) chained(client *http.Client, n int) (o outcome) {
	o = outcome{id: fmt.Sprint(n)}
	first := ">g" + o.id
	switch {
	case n%13 == 1:
		o.id += "gslow"
		o.want = "502 grpc " // 14 of Envoy's timeout, 4 if the service noticed it first
	case n%17 == 1:
		o.id += "hslow"
		o.want = "502 http 504 upstream request timeout"
	case n%19 == 1:
		o.id += "gno"
		o.want = "502 grpc 7 not " + o.id
	default:
		first = o.id + first
		second := first + ">h" + first
		o.want = "200 " + second + ">g" + second
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if n%7 == 3 {
		o.canceled = true
		time.AfterFunc(time.Duration(rand.IntN(40))*time.Millisecond, cancel)
	}
	req, _ := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://127.0.0.1:%d/", w.ports["chain"]), nil)
	req.Header.Set("x-id", o.id)
	res, err := client.Do(req)
	if err != nil {
		if !o.canceled || !errors.Is(err, context.Canceled) {
			o.err = err
		}
		return o
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil && o.canceled {
		return o
	}
	have := fmt.Sprintf("%d %s%s", res.StatusCode, res.Header.Get("x-got-x-answers"), strings.TrimSuffix(string(body), "upstream"))
	if err != nil || !strings.HasPrefix(have, o.want) {
		o.err = fmt.Errorf("got %q, want %q, %v", have, o.want, err)
	}
	return o
}
