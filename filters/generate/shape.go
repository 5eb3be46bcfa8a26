package generate

// kind is what a value of the configuration is.
type kind int

const (
	text kind = iota
	boolean
	integer
	float
	duration
	secret
	raw
	object
	list
	mapping
	pointer
)

// shape is a type of the configuration, with what its values must be.
type shape struct {
	kind   kind
	goName string   // as it stands in the source
	base   string   // of a plain value: the type under it
	rules  rules    // of a text, number, list or mapping
	item   *shape   // of a list, mapping or pointer
	key    *shape   // of a mapping
	of     *structs // of an object
}

// structs is a struct type; its name is that of its reading function.
type structs struct {
	name   string
	doc    string
	fields []fieldOf
}

type fieldOf struct {
	goName   string
	name     string // in JSON
	doc      string
	required bool
	initial  *string // its default, as written; nil is none
	shape    *shape
}

// rules are bounds, from tags.
type rules struct {
	min, max             string // as written; "" is none
	minLength, maxLength int
	minItems, maxItems   int
	enum                 []string
	pattern              string
}
