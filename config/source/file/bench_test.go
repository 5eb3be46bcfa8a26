package file_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/config/source/file"
)

// BenchmarkRead is what one edit costs, by the number of objects, all in one
// file or each in a file of its own.
func BenchmarkRead(b *testing.B) {
	for _, objects := range []int{750, 3000} {
		b.Run(fmt.Sprintf("one file/%d", objects), func(b *testing.B) {
			b.Chdir(b.TempDir())
			texts := make([]string, objects)
			for i := range texts {
				texts[i] = route(i, 0)
			}
			measure(b, func(i int) {
				texts[i%objects] = route(i%objects, i+1)
				put(b, "all.yaml", strings.Join(texts, "---\n"))
			})
		})
		b.Run(fmt.Sprintf("files/%d", objects), func(b *testing.B) {
			b.Chdir(b.TempDir())
			for i := range objects {
				put(b, fmt.Sprintf("%d.yaml", i), route(i, 0))
			}
			measure(b, func(i int) { put(b, fmt.Sprintf("%d.yaml", i%objects), route(i%objects, i+1)) })
		})
	}
}

func measure(b *testing.B, edit func(i int)) {
	s := file.New(".")
	edit(0)
	if _, err := s.Read(); err != nil {
		b.Fatal(err)
	}
	for i := 1; b.Loop(); i++ {
		b.StopTimer()
		edit(i)
		b.StartTimer()
		if _, err := s.Read(); err != nil {
			b.Fatal(err)
		}
	}
}

func put(b *testing.B, path, text string) {
	if err := os.WriteFile(".beside", []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(".beside", path); err != nil {
		b.Fatal(err)
	}
}

func route(i, version int) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: svc%d}\nspec:\n"+
		"  hosts: [svc%d.example.com]\n  http:\n  - match: [{headers: {end-user: {exact: user%d}}}]\n"+
		"    route: [{destination: {host: svc%d.example.com, subset: v2}}]\n", i, i, version, i)
}
