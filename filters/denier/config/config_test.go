package config

import "testing"

func TestValidate(t *testing.T) {
	good := Config{Rules: []Rule{
		{Name: "all"},
		{Name: "a.b", Match: Match{PathPrefix: "/a", Methods: []string{"GET", "M-SEARCH"}, Headers: map[string]string{"x": ""}},
			Status: 200, Headers: map[string]string{"y": "é"}},
	}}
	if err := good.Validate(); err != nil {
		t.Errorf("good: %v", err)
	}
	for want, r := range map[string]Rule{
		`rules[1].name: "" must be letters, digits, "_", "-" and "."`:                      {},
		`rules[1].name: "a b" must be letters, digits, "_", "-" and "."`:                   {Name: "a b"},
		`rules[1].name: "first" is given twice`:                                            {Name: "first"},
		`rules[1].status: 600 is not between 200 and 599`:                                  {Name: "a", Status: 600},
		`rules[1].status: -1 is not between 200 and 599`:                                   {Name: "a", Status: -1},
		`rules[1].headers.X: is no header name in lower case`:                              {Name: "a", Headers: map[string]string{"X": ""}},
		`rules[1].headers.x: a header's value has one line`:                                {Name: "a", Headers: map[string]string{"x": "a\nb"}},
		`rules[1].match.pathPrefix: "a" must start with "/"`:                               {Name: "a", Match: Match{PathPrefix: "a"}},
		`rules[1].match.pathPrefix: "/?" can never match: a query is not part of the path`: {Name: "a", Match: Match{PathPrefix: "/?"}},
		`rules[1].match.methods[0]: "get" is no method in capitals`:                        {Name: "a", Match: Match{Methods: []string{"get"}}},
		`rules[1].match.headers.:path: is no header name in lower case`:                    {Name: "a", Match: Match{Headers: map[string]string{":path": ""}}},
	} {
		if err := (Config{[]Rule{{Name: "first"}, r}}).Validate(); err == nil || err.Error() != want {
			t.Errorf("%+v\nsays %v\nwant %s", r, err, want)
		}
	}
}
