package translate

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// tables finds the route tables of a snapshot by who obeys them.
type tables struct {
	snap  *model.Snapshot
	seen  map[tablesKey]*tableList
	place map[*model.RouteTable]int // in the snapshot, the oldest first
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
	t := &tables{snap: snap, seen: map[tablesKey]*tableList{}, place: make(map[*model.RouteTable]int, len(snap.Routes))}
	for i, table := range snap.Routes {
		t.place[table] = i
	}
	return t
}

// of lists the tables of a gateway ("namespace/name", or MeshGateway) that a
// namespace sees.
func (t *tables) of(gateway, namespace string) *tableList {
	key := tablesKey{gateway, namespace}
	if have, ok := t.seen[key]; ok {
		return have
	}
	var all []*model.RouteTable
	for _, table := range t.snap.Routes {
		if slices.Contains(table.Gateways, gateway) && model.Exported(table.ExportTo, table.Object.Namespace, namespace) {
			all = append(all, table)
		}
	}
	t.seen[key] = listTables(all)
	return t.seen[key]
}

// imported lists those of the mesh that a scope knows.
func (t *tables) imported(s *scope, namespace string) *tableList {
	all := t.of(model.MeshGateway, namespace)
	known := slices.DeleteFunc(slices.Clone(all.all), func(t *model.RouteTable) bool { return !s.Imports(t) })
	if len(known) == len(all.all) {
		return all
	}
	return listTables(known)
}

func listTables(all []*model.RouteTable) *tableList {
	out := &tableList{all: all, exact: map[string][]*model.RouteTable{}}
	wild := map[string][]*model.RouteTable{}
	for _, table := range all {
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
	return out
}

// closest keeps the known tables whose host fits best: the host itself before
// a wildcard, a longer wildcard before a shorter one.
func (l *tableList) closest(host string, known func(*model.RouteTable) bool) []*model.RouteTable {
	if list := those(l.exact[host], known); len(list) > 0 {
		return list
	}
	for _, w := range l.wildcards {
		if model.HostMatches(w.host, host) {
			if list := those(w.tables, known); len(list) > 0 {
				return list
			}
		}
	}
	return nil
}

// those keeps what is known.
func those(list []*model.RouteTable, known func(*model.RouteTable) bool) []*model.RouteTable {
	return slices.DeleteFunc(slices.Clone(list), func(t *model.RouteTable) bool { return !known(t) })
}
