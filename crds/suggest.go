package crds

import "strings"

// Nearest is the name that was probably meant, or "" where none is near.
func Nearest(word string, names []string) string {
	best, distance := "", len(word)/3+2
	for _, n := range names {
		if strings.EqualFold(n, word) {
			return n
		}
		if d := editDistance(strings.ToLower(word), strings.ToLower(n)); d < distance {
			best, distance = n, d
		}
	}
	return best
}

// meant is a Fix that suggests the nearest name.
func meant(word string, names []string) string {
	if n := Nearest(word, names); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}

// editDistance is the number of letters to insert, delete or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
