package explain

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
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

// drawJSON reads the value at a JSON pointer. A name that an object has twice
// leads nowhere: readers differ in which one counts.
func drawJSON(a model.Attribute, v View, maxBody uint32) (string, bool) {
	body, ok := readable(v, maxBody, func(kind string) bool { return kind == "application/json" || strings.HasSuffix(kind, "+json") })
	if !ok || !json.Valid([]byte(body)) || !utf8.ValidString(body) {
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
