package model

import "testing"

func FuzzReadEvents(f *testing.F) {
	f.Add([]byte(`{"decision_id":"1","input":{"a":{"b":1}},"custom":{"krater":{"policy":"RegoPolicy a/b"}}}`), "/input/a/b")
	f.Add([]byte("[{\"decision_id\":\"1\"}]\nnothing"), "/result")
	hidden := "(hidden)"
	f.Fuzz(func(t *testing.T, text []byte, mask string) {
		events, _ := ReadEvents(text)
		for _, e := range events {
			was := e.Clone()
			DecisionLog{Mask: []DecisionMask{{Path: mask}, {Path: mask, Replace: &hidden}}}.Apply(&was)
			for _, r := range e.Custom.Krater.Reads {
				RefPath(r)
			}
		}
	})
}
