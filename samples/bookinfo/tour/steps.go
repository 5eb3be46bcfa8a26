package tour

// Steps is the tour, in its order.
var Steps = []Step{
	page,
	jason,
	split,
	delay,
	abort,
	denied,
	regoDenied,
	regoAllowed,
	limited,
	filtered,
	metrics,
}
