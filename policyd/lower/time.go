package lower

import (
	"encoding/json"
	"math/big"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// instant is time.now_ns(): a proxy has the time at which the request came.
type instant struct{}

func now(call) []outcome { return []outcome{{always, instant{}}} }

func clock(c call) []outcome {
	if !c.isNow() {
		return c.stop("a time that is not now, or not in UTC")
	}
	return []outcome{{always, tuple{[]value{clockPart("hour", 0, 24), clockPart("minute", 0, 60), clockPart("second", 0, 60)}}}}
}

func date(c call) []outcome {
	if !c.isNow() {
		return c.stop("a time that is not now, or not in UTC")
	}
	year := opaque{stopAt(c.at.Location, c.at.String(), "the year: compare the time")}
	return []outcome{{always, tuple{[]value{year, clockPart("month", 1, 12), clockPart("day", 1, 31)}}}}
}

func weekday(c call) []outcome {
	if !c.isNow() {
		return c.stop("a time that is not now, or not in UTC")
	}
	return []outcome{{always, weekdays()}}
}

// isNow tells now, and now in UTC.
func (c call) isNow() bool {
	switch v := c.args[0].(type) {
	case instant:
		return true
	case tuple:
		if len(v.items) != 2 {
			return false
		}
		zone, ok := ground(v.items[1])
		_, isNow := v.items[0].(instant)
		return ok && isNow && (zone.Compare(ast.String("UTC")) == 0 || zone.Compare(ast.String("")) == 0)
	}
	return false
}

// instantOrder compares now with nanoseconds.
func instantOrder(op string, n ast.Number) *cond {
	ns, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return stopped(stopAt(nil, string(n), "a time that is not understood"))
	}
	seconds, _ := ns.Quo(ns, big.NewRat(1_000_000_000, 1)).Float64()
	text, err := json.Marshal(seconds)
	if err != nil {
		return stopped(stopAt(nil, string(n), "a time that is not understood"))
	}
	plain, ok := plainNumber(ast.Number(text))
	if !ok {
		return stopped(stopAt(nil, string(n), "a time that is not understood"))
	}
	return newTest(newInput(model.ProxyInput{Kind: model.InputTime}, ""), numberTests[op], plain)
}
