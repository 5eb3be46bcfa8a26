package filters

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"unsafe"
)

// wasmWith is a module with one data segment at 1024.
func wasmWith(data []byte) []byte {
	leb := func(n int) (out []byte) {
		for ; n >= 0x80; n >>= 7 {
			out = append(out, byte(n)|0x80)
		}
		return append(out, byte(n))
	}
	content := append([]byte{1, 0, 0x41, 0x80, 0x08, 0x0b}, append(leb(len(data)), data...)...) // i32.const 1024
	return append([]byte("\x00asm\x01\x00\x00\x00\x00\x04\x03abc\x0b"), append(leb(len(content)), content...)...)
}

func TestAMemoryIsKnownByTheDataOfItsModule(t *testing.T) {
	text := make([]byte, 4096)
	for i := range text {
		text[i] = byte(i * i >> 3)
	}
	old, changed := bytes.Clone(text), bytes.Clone(text)
	copy(changed[2000:], "the version after")
	memory := make([]byte, 1<<16)
	copy(memory[1024:], changed)
	copy(memory[1024:], "written over by the program")
	files := t.TempDir()
	for name, data := range map[string][]byte{"old": old, "new": changed, "other": bytes.Repeat([]byte("x"), 4096)} {
		if err := os.WriteFile(files+"/"+name, wasmWith(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := &measured{}
	at := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(memory))))
	digests := map[string]bool{"old": true, "new": true, "other": true, "not there": true}
	owned := m.owned(os.Getpid(), []span{{at, at + uint64(len(memory))}}, digests, func(d string) string { return files + "/" + d })
	if len(owned) != 1 || len(owned["new"]) != 1 {
		t.Errorf("it is of %v", owned)
	}
	delete(digests, "new")
	delete(digests, "old")
	if owned := (&measured{}).owned(os.Getpid(), []span{{at, at + uint64(len(memory))}}, digests, func(d string) string { return files + "/" + d }); len(owned) != 0 {
		t.Errorf("it is of %v", owned)
	}
}

func FuzzDataOf(f *testing.F) {
	f.Add(wasmWith([]byte("hello")), []byte("memory"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x0b\x7f"), []byte{})
	f.Fuzz(func(t *testing.T, code, memory []byte) {
		of := dataOf(code)
		if same, all := likeness(memory, of); same > all {
			t.Error(fmt.Sprint(same, all))
		}
	})
}
