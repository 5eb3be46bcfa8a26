package crds

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
)

var (
	protoType    = reflect.TypeFor[proto.Message]()
	durationType = reflect.TypeFor[model.Duration]()
	rawType      = reflect.TypeFor[json.RawMessage]()
)

// goShape is the shape of a Go type by its json tags. A field that is a
// protobuf message has that message's shape.
func goShape(t reflect.Type) *shape {
	switch {
	case t == durationType:
		return &shape{form: formDuration}
	case t == rawType:
		return &shape{form: formAny}
	case t.Implements(protoType):
		return protoShape(reflect.New(t.Elem()).Interface().(proto.Message).ProtoReflect().Descriptor())
	}
	switch t.Kind() {
	case reflect.Pointer:
		return goShape(t.Elem())
	case reflect.String:
		return &shape{form: formText}
	case reflect.Bool:
		return &shape{form: formBool}
	case reflect.Float64:
		return &shape{form: formNumber, signed: true}
	case reflect.Int32, reflect.Int:
		return &shape{form: formNumber, whole: true, signed: true}
	case reflect.Uint32:
		return &shape{form: formNumber, whole: true}
	case reflect.Slice:
		return &shape{form: formList, elem: sync.OnceValue(func() *shape { return goShape(t.Elem()) })}
	case reflect.Map:
		return &shape{form: formMap, elem: sync.OnceValue(func() *shape { return goShape(t.Elem()) })}
	case reflect.Struct:
		return &shape{form: formObject, fields: sync.OnceValue(func() map[string]*shape { return structFields(t) })}
	}
	return &shape{form: formAny}
}

func structFields(t reflect.Type) map[string]*shape {
	out := map[string]*shape{}
	for i := range t.NumField() {
		f := t.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			out[name] = goShape(f.Type)
		}
	}
	return out
}
