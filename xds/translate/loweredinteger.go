package translate

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// nothingAtAll is a regular expression that no text matches.
const nothingAtAll = `[^\x00-\xff]`

// integersThat is a regular expression for the integers, written as "-12",
// that compare so with a decimal.
func integersThat(how model.TestOp, decimal string) (string, bool) {
	with, ok := new(big.Rat).SetString(decimal)
	if !ok {
		return "", false
	}
	floor := new(big.Int).Div(with.Num(), with.Denom()) // towards minus infinity: the denominator is positive
	next := new(big.Int).Add(floor, big.NewInt(1))
	switch {
	case how == model.TestGreaterEqual && with.IsInt():
		return atLeast(floor), true
	case how == model.TestGreater, how == model.TestGreaterEqual:
		return atLeast(next), true
	case how == model.TestLess && with.IsInt():
		return atMostInteger(new(big.Int).Sub(floor, big.NewInt(1))), true
	case how == model.TestLess, how == model.TestLessEqual:
		return atMostInteger(floor), true
	case how == model.TestEqualNumber && with.IsInt():
		return floor.String(), true
	case how == model.TestEqualNumber:
		return nothingAtAll, true
	}
	return "", false
}

// atLeast are the integers from n on.
func atLeast(n *big.Int) string {
	if n.Sign() >= 0 {
		return digitsFrom(n.String())
	}
	return "[0-9]+|-(?:" + digitsUpTo(new(big.Int).Neg(n).String()) + ")"
}

// atMostInteger are the integers up to n: those whose negative is at least -n.
func atMostInteger(n *big.Int) string {
	if n.Sign() < 0 {
		return "-(?:" + digitsFrom(new(big.Int).Neg(n).String()) + ")"
	}
	return "-[0-9]+|" + digitsUpTo(n.String())
}

// digitsFrom are the numbers without a sign from n on.
func digitsFrom(n string) string {
	any := []string{n, fmt.Sprintf("[1-9][0-9]{%d,}", len(n))}
	if n == "0" {
		return "[0-9]+"
	}
	for i := range len(n) {
		if n[i] != '9' {
			any = append(any, n[:i]+"["+string(n[i]+1)+"-9][0-9]{"+strconv.Itoa(len(n)-i-1)+"}")
		}
	}
	return strings.Join(any, "|")
}

// digitsUpTo are the numbers without a sign up to n.
func digitsUpTo(n string) string {
	any := []string{n}
	if len(n) > 1 {
		any = append(any, "[0-9]")
	}
	if len(n) > 2 {
		any = append(any, fmt.Sprintf("[1-9][0-9]{1,%d}", len(n)-2))
	}
	for i := range len(n) {
		least := byte('0')
		if i == 0 && len(n) > 1 {
			least = '1'
		}
		if n[i] > least {
			any = append(any, n[:i]+"["+string(least)+"-"+string(n[i]-1)+"][0-9]{"+strconv.Itoa(len(n)-i-1)+"}")
		}
	}
	return strings.Join(any, "|")
}
