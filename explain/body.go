package explain

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/krater-mesh/krater/model"
)

// readable gives a body that is of a content type, whole, and short enough.
func readable(v View, maxBody uint32, is func(contentType string) bool) (string, bool) {
	kind, _ := v.Header("content-type")
	kind, _, _ = strings.Cut(strings.ToLower(kind), ";")
	encoding, encoded := v.Header("content-encoding")
	if !is(strings.TrimSpace(kind)) || encoded && encoding != "identity" || len(v.Body) > int(maxBody) {
		return "", false
	}
	return v.Body, true
}

// drawJSON reads the value at a JSON pointer. A document that readers would
// take in two ways has none.
func drawJSON(a model.Attribute, v View, maxBody uint32) (string, bool) {
	body, ok := readable(v, maxBody, func(kind string) bool { return kind == "application/json" || strings.HasSuffix(kind, "+json") })
	if !ok || !json.Valid([]byte(body)) || !utf8.ValidString(body) || !unambiguous(body) {
		return "", false
	}
	at := json.RawMessage(body)
	for _, name := range strings.Split(a.JSON, "/")[1:] {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		if at, ok = member(at, name); !ok {
			return "", false
		}
	}
	switch at = bytes.TrimSpace(at); {
	case at[0] == '"':
		var text string
		err := json.Unmarshal(at, &text)
		return text, err == nil
	case at[0] == '[' && a.Type == model.AttributeList:
		return string(at), true
	case at[0] == '[', at[0] == '{', at[0] == 'n':
		return "", false
	}
	return string(at), true
}

// member finds one member of an object, or one item of a list.
func member(raw json.RawMessage, name string) (json.RawMessage, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	open, err := d.Token()
	if err != nil {
		return nil, false
	}
	var found json.RawMessage
	times := 0
	for i := 0; d.More(); i++ {
		key := strconv.Itoa(i)
		if open == json.Delim('{') {
			t, err := d.Token()
			if err != nil {
				return nil, false
			}
			key = t.(string)
		}
		var item json.RawMessage
		if err := d.Decode(&item); err != nil && err != io.EOF {
			return nil, false
		}
		if key == name {
			found, times = item, times+1
		}
	}
	return found, times == 1 && (open == json.Delim('{') || open == json.Delim('['))
}

// halfCharacter is an escape that stands for half a character.
var halfCharacter = regexp.MustCompile(`(?i)\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\ud[89a-f][0-9a-f]{2}`)

// unambiguous tells whether no object has a name twice, no text half of a
// character, and nothing is nested deeper than 32.
func unambiguous(body string) bool {
	for _, escape := range halfCharacter.FindAllString(body, -1) {
		if len(escape) == 6 {
			return false
		}
	}
	var names []map[string]bool // of the objects around; nil: a list
	key := false                // the next text is a name
	for d := json.NewDecoder(strings.NewReader(body)); ; {
		t, err := d.Token()
		if err != nil {
			return err == io.EOF
		}
		switch t {
		case json.Delim('{'):
			names = append(names, map[string]bool{})
		case json.Delim('['):
			names = append(names, nil)
		case json.Delim('}'), json.Delim(']'):
			names = names[:len(names)-1]
		default:
			if name, ok := t.(string); ok && key {
				if names[len(names)-1][name] {
					return false
				}
				names[len(names)-1][name], key = true, false
				continue
			}
		}
		if len(names) > 32 {
			return false
		}
		key = len(names) > 0 && names[len(names)-1] != nil
	}
}

// drawGRPC reads a field of the first message of a gRPC call. Of a field that
// comes several times the last counts, as protobuf has it; a list takes all.
func drawGRPC(a model.Attribute, v View, maxBody uint32) (string, bool) {
	body, ok := readable(v, maxBody, func(kind string) bool {
		return kind == "application/grpc" || strings.HasPrefix(kind, "application/grpc+")
	})
	if !ok || len(body) < 5 || body[0] != 0 {
		return "", false
	}
	size := binary.BigEndian.Uint32([]byte(body[1:5]))
	if uint64(size) > uint64(len(body)-5) {
		return "", false
	}
	found, ok := fields([]byte(body[5:5+size]), a.GRPC)
	if !ok || len(found) == 0 {
		return "", false
	}
	if a.Type == model.AttributeList {
		var items []string
		for _, f := range found {
			if f.kind != protowire.BytesType || !utf8.Valid(f.data) {
				return "", false
			}
			items = append(items, string(f.data))
		}
		text, err := json.Marshal(items)
		return string(text), err == nil
	}
	return found[len(found)-1].text(a.Type)
}
