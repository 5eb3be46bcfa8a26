package process

import (
	"os"
	"testing"
)

func TestParseStatus(t *testing.T) {
	got, err := parseStatus("Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t    1024 kB\n")
	if want := (Size{Resident: 1 << 20, Peak: 2 << 20}); err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"", "VmRSS: x kB\nVmHWM: 1 kB\n", "VmRSS: 1 kB\n"} {
		if _, err := parseStatus(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestMemoryOfThisProcess(t *testing.T) {
	if got, err := Memory(os.Getpid()); err != nil || got.Resident < 1<<20 || got.Peak < got.Resident/2 {
		t.Errorf("got %+v, %v", got, err)
	}
}
