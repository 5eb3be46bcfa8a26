package trafficcases

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Names are one name, or a list of them.
type Names []string

// UnmarshalJSON reads both forms.
func (n *Names) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*n = Names{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(n))
}

// Lines gives the headers as "name", "value" pairs, sorted by name.
func (h Headers) Lines() (out [][2]string, err error) {
	for name, value := range h {
		switch v := value.(type) {
		case string:
			out = append(out, [2]string{name, v})
		case []any:
			for _, one := range v {
				out = append(out, [2]string{name, fmt.Sprint(one)})
			}
		default:
			return nil, fmt.Errorf("header %s: want a text or a list of them, not %v: quote it", name, value)
		}
	}
	slices.SortStableFunc(out, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return out, nil
}
