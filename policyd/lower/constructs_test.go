package lower

import "testing"

func TestTexts(t *testing.T) {
	lowered(t, `x == "a"`, `x == "é"`, `x == ""`, `x != "a"`, `not x == "a"`, `x in {"a", "b"}`, `not x in ["a", "b"]`, `x in data.list`,
		`startswith(x, "a")`, `endswith(x, "b")`, `contains(x, "b")`, `not startswith(x, "a")`, `lower(x) == "k"`, `upper(x) == "K"`, `lower(x) == "a"`, `startswith(lower(x), "bearer ")`,
		`x > 18`, `x >= 18; x != "7"`, `not x < 3; x == "a"`, `trim_prefix(x, "Bearer ") == "abc"`, `trim_suffix(x, "b") == "a"`, `concat(":", ["a", x]) == "a:b"`,
		`sprintf("user-%s", [x]) == "user-a"`, `strings.any_prefix_match(x, ["a", "z"])`, `is_string(x); x != "a"`, `object.get(http.headers, "x-a", "a") == "a"`,
		`object.get(http.headers, ["x-b"], "z") == "z"; http.headers["x-a"]`, `not http.headers["X-A"]; x == "a"`,
		`[a, b] := split(x, ":"); a == "a"; b == "b"`, `split(x, ":")[1] == "b"`, `count(split(x, ",")) == 2`, `"b" in split(x, ",")`, `some part in split(x, ","); part == "b"`,
		`to_number(x) >= 18`, `to_number(x) == 7`, `to_number(x) < 18`, `x == "a!"`)
}

func TestExpressions(t *testing.T) {
	lowered(t, `regex.match("b+", x)`, `regex.match("^a.*", x)`, `regex.match("^[a-z]+$", x)`, `regex.match("^(a|b)$|c$", x)`, `regex.match("^a.$", x)`, `regex.match("(?i)^k$", x)`,
		`regex.match("[^a]", x)`, `not regex.match("a", x)`, `regex.match("^/a/[^/]+/c$", http.path)`, `regex.match(`+"`"+`\b1\b|8$`+"`"+`, x)`, `regex.match("^[0-9]{1,3}$", x)`, `regex.match("", x)`, `regex.match("a!?$", x)`,
		`glob.match("a*", [], x)`, `glob.match("/a/*/c", ["/"], http.path)`, `glob.match("/a/**", ["/"], http.path)`, `glob.match("a?", null, x)`, `glob.match("{a,b}", [], x)`, `glob.match("a.*", [], http.host)`)
}

func TestPaths(t *testing.T) {
	lowered(t, `input.parsed_path[0] == "a"`, `input.parsed_path[1] == "b"`, `input.parsed_path = ["a", y, "c"]; y != "b"`, `input.parsed_path == ["a", "b"]`, `count(input.parsed_path) == 2`,
		`count(input.parsed_path) > 1`, `"b" in input.parsed_path`, `input.parsed_path[_] == "c"`, `some i; input.parsed_path[i] == "c"`, `["b", _, z] = input.parsed_path; z == "x"`,
		`input.parsed_path[count(input.parsed_path) - 1] == "c"`, `startswith(input.parsed_path[1], "b")`, `regex.match("^[0-9]+$", input.parsed_path[1])`, `http.path == "/a"`, `startswith(http.path, "/a/")`,
		`input.parsed_path[0] in {"a", "b"}; not input.parsed_path[1] == "b"`, `http.method in {"GET", "HEAD"}`, `http.method == "POST"`, `http.host == "a.test"`, `split(trim_prefix(http.path, "/"), "/")[0] == "a"`)
}

func TestPeers(t *testing.T) {
	lowered(t, `net.cidr_contains("10.0.0.0/8", source.address.socketAddress.address)`, `net.cidr_contains(data.nets[_], source.address.socketAddress.address)`,
		`source.address.socketAddress.address == "10.0.0.1"`, `startswith(source.address.socketAddress.address, "10.")`, `source.address.socketAddress.portValue < 1024`, `input.attributes.destination.address.socketAddress.portValue == 8080`,
		`source.principal == "spiffe://cluster.local/ns/shop/sa/cart"`, `startswith(source.principal, "spiffe://cluster.local/")`, `split(source.principal, "/")[4] == "shop"`, `not source.principal; x == "a"`,
		`parts := split(source.principal, "/"); parts[2] == "cluster.local"; parts[4] in {"shop", "web"}`, `input.attributes.tlsSession.sni == "shop.test"`, `endswith(input.attributes.tlsSession.sni, ".test")`)
}

func TestClaims(t *testing.T) {
	lowered(t, `payload.c == "a"`, `payload.c == 7`, `payload.c == true`, `payload.c == null`, `payload.c > 18`, `payload.c < 18`, `payload.c != "a"`, `not payload.c`, `payload.c`, `payload.sub`, `not payload.sub`,
		`"a" in payload.c`, `payload.c[_] == "a"`, `some r in payload.c; startswith(r, "a")`, `not "a" in payload.c; payload.sub`, `payload.c in {"a", 7}`, `is_number(payload.c)`, `is_null(payload.c)`, `regex.match("^a", payload.c)`, `payload.c.x == "a"`)
}

func TestData(t *testing.T) {
	lowered(t, `data.users[x].roles[_] == "admin"`, `some role in data.users[x].roles; role == "x"`, `data.users[x]`, `not data.users[x]; x`, `some name, user in data.users; name == x; "admin" in user.roles`,
		`every word in data.list { not startswith(x, word) }`, `count([w | some w in data.list; startswith(x, w)]) > 0`, `{"a": 1, "b": 2}[x] == 2`, `count(data.users[x].roles) == 0`, `x == data.list[_]`)
}
