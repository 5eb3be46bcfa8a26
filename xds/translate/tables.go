package translate

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// tables finds the route tables of a snapshot by who obeys them.
type tables struct {
	snap *model.Snapshot
	seen map[tablesKey]*tableList
}

type tablesKey struct{ gateway, namespace string }

// tableList are the tables of one gateway that one namespace sees.
type tableList struct {
	all       []*model.RouteTable
	hosts     []string // of all tables, each once
	exact     map[string][]*model.RouteTable
	wildcards []wildcardTables // longer ones first
}

type wildcardTables struct {
	host   string
	tables []*model.RouteTable
}

func newTables(snap *model.Snapshot) *tables {
	return &tables{snap: snap, seen: map[tablesKey]*tableList{}}
}

// of lists the tables of a gateway ("namespace/name", or MeshGateway) that a
// namespace sees.
func (t *tables) of(gateway, namespace string) *tableList {
	key := tablesKey{gateway, namespace}
	if have, ok := t.seen[key]; ok {
		return have
	}
	out := &tableList{exact: map[string][]*model.RouteTable{}}
	wild := map[string][]*model.RouteTable{}
	for _, table := range t.snap.Routes {
		if !slices.Contains(table.Gateways, gateway) || !model.Exported(table.ExportTo, table.Object.Namespace, namespace) {
			continue
		}
		out.all = append(out.all, table)
		for _, host := range table.Hosts {
			into := out.exact
			if strings.HasPrefix(host, "*") {
				into = wild
			}
			if len(into[host]) == 0 {
				out.hosts = append(out.hosts, host)
			}
			if !slices.Contains(into[host], table) {
				into[host] = append(into[host], table)
			}
		}
	}
	for host, list := range wild {
		out.wildcards = append(out.wildcards, wildcardTables{host, list})
	}
	slices.SortFunc(out.wildcards, func(a, b wildcardTables) int {
		if len(a.host) != len(b.host) {
			return len(b.host) - len(a.host)
		}
		return strings.Compare(a.host, b.host)
	})
	t.seen[key] = out
	return out
}

// closest keeps the tables whose host fits best: the host itself before a
// wildcard, a longer wildcard before a shorter one.
func (l *tableList) closest(host string) []*model.RouteTable {
	if list := l.exact[host]; len(list) > 0 {
		return list
	}
	for _, w := range l.wildcards {
		if model.HostMatches(w.host, host) {
			return w.tables
		}
	}
	return nil
}
