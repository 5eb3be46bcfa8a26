package crds

import (
	"bytes"
	"fmt"
	"regexp"
)

// largeLine is how long a line is that a program wrote: whole tables of data, as
// one value of JSON. The YAML library takes microseconds for each word of it.
const largeLine = 64 << 10

var keyOfJSON = regexp.MustCompile(`^ *[A-Za-z0-9_-]+: +\{`)

// largeValues takes the values of JSON out of large lines: each is replaced by
// a word that the text does not have, under which it is found in values.
func largeValues(data []byte) (rest []byte, values map[string]*Node) {
	const word = "krater-large-value-"
	if len(data) < largeLine || bytes.Contains(data, []byte(word)) {
		return data, nil
	}
	values = map[string]*Node{}
	var out bytes.Buffer
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if len(line) >= largeLine {
			if key := keyOfJSON.Find(line[:min(len(line), 200)]); key != nil {
				if n, ok := readJSON(bytes.TrimRight(line[len(key)-1:], " \r\n"), number); ok {
					name := fmt.Sprint(word, len(values))
					values[name] = n
					out.Write(key[:len(key)-1])
					out.WriteString(name + "\n")
					continue
				}
			}
		}
		out.Write(line)
	}
	return out.Bytes(), values
}

// fill puts the values in the place of their words, and tells whether each was
// the whole of one value: else it stood within a text.
func fill(nodes []*Node, values map[string]*Node) bool {
	found := 0
	var look func(n *Node)
	look = func(n *Node) {
		if name, ok := n.Value.(string); ok && values[name] != nil {
			*n = *values[name]
			found++
			return
		}
		for _, i := range n.Items {
			look(i)
		}
		for _, f := range n.Fields {
			look(f.Value)
		}
	}
	for _, n := range nodes {
		look(n)
	}
	return found == len(values)
}
