package config

import "testing"

func TestValidate(t *testing.T) {
	good := Config{Request: Changes{Remove: []string{"a"}, Set: map[string]string{"b": ""}}, Response: Changes{Add: map[string]string{"set-cookie": "a=b"}}}
	if err := good.Validate(); err != nil {
		t.Errorf("good: %v", err)
	}
	for want, c := range map[string]Config{
		`request.remove[0]: "A" is no header name in lower case`:              {Request: Changes{Remove: []string{"A"}}},
		`request.set.:path: ":path" is no header name in lower case`:          {Request: Changes{Set: map[string]string{":path": "/"}}},
		`request.set.host: cannot be changed here; a route rewrites the host`: {Request: Changes{Set: map[string]string{"host": "x"}}},
		`response.add.x: a header's value has one line`:                       {Response: Changes{Add: map[string]string{"x": "a\r\nb"}}},
		`response.remove[1]: "" is no header name in lower case`:              {Response: Changes{Remove: []string{"a", ""}}},
	} {
		if err := c.Validate(); err == nil || err.Error() != want {
			t.Errorf("%+v\nsays %v\nwant %s", c, err, want)
		}
	}
}
