package productpage

// Product is a book in the shop.
type Product struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Summary string `json:"summary"`
}

var catalogue = []Product{
	{"0", "The Symposium", "Guests at a drinking party take turns to praise Love, until Socrates turns the praise into a question and Alcibiades turns up drunk."},
	{"1", "The Frogs", "Dionysus rows to the underworld to fetch a good poet back, with a chorus of frogs for company and a contest of verses for a prize."},
	{"2", "The Learned Banqueters", "At one very long dinner in Rome the guests talk about food, wine, music, fish, and every kind of cup and mixing bowl."},
}

// find gives the book with the id.
func find(id string) (Product, bool) {
	for _, p := range catalogue {
		if p.ID == id {
			return p, true
		}
	}
	return Product{}, false
}
