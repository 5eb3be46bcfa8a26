package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"
)

// networkSlot is a network filter whose configuration is a resource of its
// own, so that an edit of it never touches a listener: connections that are
// open keep what they were opened with. Envoy takes terminal filters so, too.
// It is one of some kinds.
func networkSlot(name string, kinds ...proto.Message) *listenerv3.Filter {
	source := &corev3.ExtensionConfigSource{ConfigSource: slotOverADS()}
	for _, kind := range kinds {
		source.TypeUrls = append(source.TypeUrls, typeURL(kind))
	}
	return &listenerv3.Filter{Name: name, ConfigType: &listenerv3.Filter_ConfigDiscovery{ConfigDiscovery: source}}
}

// tcpSlotName is the slot of a filter chain that passes connections on.
func tcpSlotName(chain string) string { return slotName(chain, "tcp") }
