package agent

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/model"
)

// Proxy is who the Envoy is.
type Proxy struct {
	ID      string // the workload's "namespace/name"
	Name    string // the workload's name
	Address string // an IP of this machine
	// Locality is where it stands, "region/zone/subzone".
	Locality string
	// ServiceAccount is what its certificate has to say; "": anything.
	ServiceAccount string
	Metadata       map[string]string // what else the control plane is told
}

// ParseProxy reads a workload's "namespace/name".
func ParseProxy(id, address string) (Proxy, error) {
	ns, name, ok := strings.Cut(id, "/")
	if !ok || ns == "" || name == "" || strings.Contains(name, "/") {
		return Proxy{}, fmt.Errorf("%q is not NAMESPACE/NAME", id)
	}
	if net.ParseIP(address) == nil {
		return Proxy{}, fmt.Errorf("the address of %s, %q, is no IP address", id, address)
	}
	return Proxy{ID: id, Name: name, Address: address}, nil
}

// claims are what the certificate has to say, as far as it is known.
func (p Proxy) claims() identity.Claims {
	namespace, name, _ := strings.Cut(p.ID, "/")
	return identity.Claims{Identity: model.Identity{Namespace: namespace, ServiceAccount: p.ServiceAccount}, Workload: name}
}

// ip is the address, the zero one where it is none.
func (p Proxy) ip() netip.Addr {
	a, _ := netip.ParseAddr(p.Address)
	return a
}

// adminAddress is where Envoy's admin page listens: never beyond this machine.
func (p Proxy) adminAddress() string {
	if p.ip().IsLoopback() {
		return p.Address
	}
	return "127.0.0.1"
}

// admin is the URL of Envoy's admin page.
func (p Proxy) admin() string {
	return "http://" + net.JoinHostPort(p.adminAddress(), strconv.Itoa(AdminPort))
}

func (p Proxy) node() *corev3.Node {
	n := &corev3.Node{Id: p.ID, Cluster: p.Name, Locality: locality(p.Locality)}
	if len(p.Metadata) > 0 {
		n.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{}}
		for k, v := range p.Metadata {
			n.Metadata.Fields[k] = structpb.NewStringValue(v)
		}
	}
	return n
}

func locality(s string) *corev3.Locality {
	if s == "" {
		return nil
	}
	part := append(strings.SplitN(s, "/", 3), "", "")
	return &corev3.Locality{Region: part[0], Zone: part[1], SubZone: part[2]}
}
