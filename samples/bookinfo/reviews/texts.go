package reviews

var texts = map[string][]Review{
	"0": {
		{Reviewer: "Agathon", Text: "My own party, and still the best account of it. Nobody agrees on love, everybody agrees on one more cup."},
		{Reviewer: "Xanthippe", Text: "Seven speeches and not one of the speakers went home on time. Well told, though."},
	},
	"1": {
		{Reviewer: "Agathon", Text: "The chorus is loud and the ferryman is rude. I was mentioned for one line only."},
		{Reviewer: "Xanthippe", Text: "I laughed until the neighbours knocked. Koax!"},
	},
	"2": {
		{Reviewer: "Agathon", Text: "Every dish, every quotation, every vessel. Bring a napkin and a librarian."},
		{Reviewer: "Xanthippe", Text: "Fifteen books of dinner, and who did the washing up?"},
	},
}
