package e2e_test

import (
	"net/http"
	"net/url"
	"time"
)

// askThrough sends a request by an explicit proxy, as an application would.
func askThrough(proxy, method, target string, headers []string) (answer, error) {
	via, err := url.Parse(proxy)
	if err != nil {
		return answer{}, err
	}
	return send(&http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{Proxy: http.ProxyURL(via), DisableKeepAlives: true},
	}, method, target, "", headers)
}
