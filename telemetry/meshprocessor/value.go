package meshprocessor

import "slices"

// value is a counter's total, or a histogram's.
type value struct {
	count   uint64
	sum     float64   // histograms
	bounds  []float64 // histograms; upper bounds, the last bucket has none
	buckets []uint64  // histograms; one more than bounds
}

// since is what was added after an earlier value of the same stat: all of it,
// if the stat began anew in between.
func (v value) since(last value) value {
	if v.count < last.count || !slices.Equal(v.bounds, last.bounds) || len(v.buckets) != len(last.buckets) {
		return v
	}
	d := value{count: v.count - last.count, sum: v.sum - last.sum, bounds: v.bounds, buckets: make([]uint64, len(v.buckets))}
	for i := range v.buckets {
		if v.buckets[i] < last.buckets[i] {
			return v
		}
		d.buckets[i] = v.buckets[i] - last.buckets[i]
	}
	return d
}

// add adds d. Where the bounds differ (they were reconfigured), the total
// begins anew: buckets with different bounds have no sum.
func (v *value) add(d value) {
	if !slices.Equal(v.bounds, d.bounds) || len(v.buckets) != len(d.buckets) {
		*v = d.clone()
		return
	}
	v.count += d.count
	v.sum += d.sum
	for i := range d.buckets {
		v.buckets[i] += d.buckets[i]
	}
}

func (v value) zero() bool { return v.count == 0 }

func (v value) clone() value {
	v.buckets = slices.Clone(v.buckets)
	return v
}
