package e2e_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// askThrough sends a request by an explicit proxy, as an application would.
func askThrough(proxy, method, target string, headers []string) (answer, error) {
	via, err := url.Parse(proxy)
	if err != nil {
		return answer{}, err
	}
	c := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{Proxy: http.ProxyURL(via), DisableKeepAlives: true}}
	req, err := http.NewRequest(method, target, nil)
	if err != nil {
		return answer{}, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	began := time.Now()
	res, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(text), time.Since(began)}, err
}
