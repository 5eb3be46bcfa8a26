package rego

// growths are the built-ins whose results grow with their operands. The others
// give something small, a part of what they were given, or go through the
// budget's steps as they go; a test holds that OPA has no third kind.
var growths = map[string]growth{
	"abs": numbers, "bits.and": numbers, "bits.negate": numbers, "bits.or": numbers, "bits.rsh": numbers, "bits.xor": numbers,
	"ceil": numbers, "div": numbers, "floor": numbers, "format_int": numbers, "max": numbers, "min": numbers, "minus": numbers,
	"mul": numbers, "numbers.range": numbers, "numbers.range_step": numbers, "plus": numbers, "product": numbers,
	"rand.intn": numbers, "rem": numbers, "round": numbers, "sum": numbers,
	"bits.lsh": growsByShift,

	"base64.decode": times(1), "base64.encode": times(2), "base64url.decode": times(1), "base64url.encode": times(2),
	"base64url.encode_no_pad": times(2), "hex.decode": times(1), "hex.encode": times(2),
	"urlquery.decode": times(1), "urlquery.decode_object": times(64), "urlquery.encode": times(3), "urlquery.encode_object": whole(3),
	"lower": times(3), "upper": times(3), "substring": times(1), "strings.reverse": times(2),
	"trim": times(1), "trim_left": times(1), "trim_prefix": times(1), "trim_right": times(1), "trim_space": times(1), "trim_suffix": times(1),
	"split": times(64), "strings.split_n": times(64), "indexof_n": times(64), "glob.quote_meta": times(2),
	"units.parse": parsed, "units.parse_bytes": parsed,
	"concat": growsByConcat, "replace": growsByReplace, "strings.replace_n": growsByReplaceN,
	"sprintf": growsBySprintf, "internal.template_string": whole(1), "strings.render_template": growsByTemplate,
	"regex.find_all_string_submatch_n": times(128), "regex.find_n": times(64), "regex.split": times(64), "regex.replace": growsByRegexReplace,
	"time.format": whole(8), "uri.parse": times(16),

	"array.concat": times(1), "array.flatten": whole(1), "array.reverse": times(1), "array.slice": times(1), "sort": times(1),
	"and": times(1), "or": times(1), "union": whole(1), "intersection": times(1), "set_diff": times(1),
	"cast_array": times(1), "cast_set": times(1),
	"object.filter": times(1), "object.keys": times(1), "object.remove": times(1), "object.union": whole(1), "object.union_n": whole(1),
	"json.filter": whole(1), "json.patch": whole(2), "json.remove": whole(1),
	"graph.reachable": times(4), "graph.reachable_paths": growsByPaths,
	"net.cidr_contains_matches": growsByPairs, "net.cidr_merge": times(4),

	"json.is_valid": times(64), "json.marshal": whole(2), "json.marshal_with_options": growsByIndent, "json.unmarshal": times(64),
	"json.match_schema": whole(64), "json.verify_schema": whole(64),
	"yaml.is_valid": times(256), "yaml.marshal": whole(64), "yaml.unmarshal": times(256),
	"graphql.is_valid": whole(256), "graphql.parse": whole(256), "graphql.parse_and_verify": whole(256), "graphql.parse_query": whole(256),
	"graphql.parse_schema": whole(256), "graphql.schema_is_valid": whole(256), "rego.parse_module": times(512),
	"crypto.parse_private_keys": times(64), "crypto.x509.parse_and_verify_certificates": times(64),
	"crypto.x509.parse_and_verify_certificates_with_options": times(64), "crypto.x509.parse_certificate_request": times(64),
	"crypto.x509.parse_certificates": times(64), "crypto.x509.parse_keypair": times(64), "crypto.x509.parse_rsa_private_key": times(64),
	"io.jwt.decode": times(64), "io.jwt.decode_verify": times(64), "io.jwt.encode_sign": whole(8), "io.jwt.encode_sign_raw": times(8),
	"providers.aws.sign_req": whole(8),
}
