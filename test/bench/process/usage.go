package process

import "time"

// Usage is the CPU time of several processes at one moment, by name.
type Usage map[string]time.Duration

// Read reads the CPU time of each process.
func Read(processes []Process) (Usage, error) {
	u := make(Usage, len(processes))
	for _, p := range processes {
		t, err := CPU(p.PID)
		if err != nil {
			return nil, err
		}
		u[p.Name] += t
	}
	return u, nil
}

// Since is what was spent after an earlier moment.
func (u Usage) Since(earlier Usage) Usage {
	out := make(Usage, len(u))
	for name, t := range u {
		out[name] = t - earlier[name]
	}
	return out
}

// Total is the sum over all processes.
func (u Usage) Total() time.Duration {
	var sum time.Duration
	for _, t := range u {
		sum += t
	}
	return sum
}
