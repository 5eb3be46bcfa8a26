package crds

import (
	"slices"
	"strconv"
	"strings"
)

func (s AttributeSource) validate(r *report, field string) {
	if s.given() != 1 {
		r.missing(field, "exactly one of header, cookie, query, path, cel, claim, json, grpc and wasm is needed")
	}
	if s.Header != "" && !headerName(strings.ToLower(s.Header)) {
		r.bad(field+".header", "%q is no header name", s.Header)
	}
	if strings.EqualFold(s.Header, peerHeader) {
		r.unverified(field+".header", s.Header)
	}
	if s.Cookie != "" && (!headerName(strings.ToLower(s.Cookie)) || s.Cookie[0] == ':') {
		r.bad(field+".cookie", "%q is no cookie's name", s.Cookie)
	}
	s.validatePath(r, field+".path")
	if _, ok := claimPath(s.Claim); !ok {
		r.bad(field+".claim", "want a claim's NAME, or [NAME][NAME] for one inside of another")
	}
	if s.JSON != "" && (!strings.HasPrefix(s.JSON, "/") || badEscape(s.JSON)) {
		r.bad(field+".json", `want a JSON pointer: "/user/id", where "~1" is a slash and "~0" a tilde`)
	}
	if _, ok := fieldNumbers(s.GRPC); !ok {
		r.bad(field+".grpc", `want field numbers, the outermost first: "1.3"`)
	}
	if s.Wasm != "" && (!attributeName.MatchString(s.Wasm) || s.Wasm == "krater" || strings.HasPrefix(s.Wasm, "krater.")) {
		r.bad(field+".wasm", "%q is no property that a filter may set: words of letters, digits and _, joined by dots; krater. is taken", s.Wasm)
	}
}

func (s AttributeSource) validatePath(r *report, field string) {
	if s.Path == "" {
		return
	}
	segments := strings.Split(s.Path, "/")
	if segments[0] != "" || strings.Count(s.Path, "{}") != 1 {
		r.bad(field, `a template starts with "/" and has "{}" once`)
	}
	for i, seg := range segments {
		if strings.Contains(seg, "{}") && seg != "{}" || seg != "*" && seg != "**" && strings.Contains(seg, "*") ||
			seg == "**" && i != len(segments)-1 || strings.ContainsAny(seg, "?#") {
			r.bad(field, `"{}" and "*" are whole segments, "**" is the last, and a query is no part of a path`)
			return
		}
	}
}

// claimPath reads "sub", whose name may have dots and colons, and "[a][b]".
func claimPath(text string) ([]string, bool) {
	if text == "" {
		return nil, true
	}
	path := []string{text}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok {
			return nil, false
		}
		path = strings.Split(inner, "][")
	}
	bad := func(name string) bool { return name == "" || strings.ContainsAny(name, "[]\r\n\x00") }
	return path, !slices.ContainsFunc(path, bad)
}

// fieldNumbers reads protobuf's numbers, 1 to 2^29-1.
func fieldNumbers(text string) ([]uint32, bool) {
	if text == "" {
		return nil, true
	}
	var out []uint32
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.ParseUint(part, 10, 29)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != part {
			return nil, false
		}
		out = append(out, uint32(n))
	}
	return out, len(out) <= 16
}

// badEscape finds a "~" that is neither "~0" nor "~1".
func badEscape(pointer string) bool {
	for i := range len(pointer) {
		if pointer[i] == '~' && (i+1 == len(pointer) || pointer[i+1] != '0' && pointer[i+1] != '1') {
			return true
		}
	}
	return false
}
