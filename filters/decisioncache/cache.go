package decisioncache

import "github.com/krater-mesh/krater/filters/sdk"

// entry is one decision; without a denial it allows.
type entry struct {
	deny         *denial
	since, until int64 // nanoseconds since 1970
}

// cache holds a bounded number of decisions, and forgets the oldest first:
// what is kept briefly need not be kept by use.
type cache struct {
	entries  map[string]*entry
	order    []string // a ring of the keys, by age
	first    int      // the oldest
	bytes    int
	maxBytes int
	evicted  sdk.Counter
}

func newCache(maxEntries, maxBytes int, evicted sdk.Counter) cache {
	return cache{entries: map[string]*entry{}, order: make([]string, maxEntries), maxBytes: maxBytes, evicted: evicted}
}

// find gives a decision that still holds. One from a clock that ran ahead
// does not.
func (c *cache) find(key []byte, now int64) *entry {
	e := c.entries[string(key)]
	if e == nil || now >= e.until || now < e.since {
		return nil
	}
	return e
}

// overhead is about what an entry takes beside its texts.
const overhead = 160

func (c *cache) add(key string, e entry) {
	size := overhead + len(key) + e.deny.size()
	if size > c.maxBytes {
		return
	}
	if old := c.entries[key]; old != nil { // its place in the ring is that of its age at first
		c.bytes += e.deny.size() - old.deny.size()
		*old = e
	} else {
		for len(c.entries) == len(c.order) || c.bytes+size > c.maxBytes {
			c.drop()
		}
		c.order[(c.first+len(c.entries))%len(c.order)] = key
		c.entries[key] = &e
		c.bytes += size
	}
	for c.bytes > c.maxBytes {
		c.drop()
	}
}

// drop forgets the oldest.
func (c *cache) drop() {
	key := c.order[c.first]
	c.bytes -= overhead + len(key) + c.entries[key].deny.size()
	delete(c.entries, key)
	c.order[c.first] = ""
	c.first = (c.first + 1) % len(c.order)
	c.evicted.Add(1)
}
