package readme

import "strings"

const (
	anyLines = "..."  // as a line: any number of lines, also none
	anyText  = "[..]" // in a line: any text, also none
)

// Match tells whether an output is as wanted. White space at the ends of
// lines, and empty lines at the end, do not count.
func Match(want []string, got string) bool {
	return matchLines(trim(want), trim(strings.Split(got, "\n")))
}

// trim gives the lines without white space at their ends, and without the
// empty ones at the end.
func trim(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, strings.TrimRight(line, " \t\r"))
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

// matchLines goes back to the last "..." only, which is enough: a later one
// can take whatever an earlier one could.
func matchLines(want, got []string) bool {
	w, g := 0, 0
	backWant, backGot := -1, 0
	for g < len(got) {
		switch {
		case w < len(want) && want[w] == anyLines:
			backWant, backGot = w, g
			w++
		case w < len(want) && matchLine(want[w], got[g]):
			w, g = w+1, g+1
		case backWant >= 0:
			backGot++
			w, g = backWant+1, backGot
		default:
			return false
		}
	}
	for w < len(want) && want[w] == anyLines {
		w++
	}
	return w == len(want)
}

func matchLine(want, got string) bool {
	parts := strings.Split(want, anyText)
	if len(parts) == 1 {
		return want == got
	}
	got, ok := strings.CutPrefix(got, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		if _, got, ok = strings.Cut(got, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(got, parts[last])
}
