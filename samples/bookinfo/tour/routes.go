package tour

const (
	reviewsPath = "/api/v1/products/0/reviews"
	ratingsPath = "/api/v1/products/0/ratings"
)

var page = single("The page, through the gateway",
	"gateway.yaml leads /productpage to the page, which asked details and reviews through their sidecars",
	request{path: "/productpage"},
	want(200, "The Symposium", "Plato", "reviews-v"))

var jason = single("jason is sent to reviews v2",
	"reviews.yaml routes by the header end-user",
	request{path: reviewsPath, header: "end-user: jason"},
	want(200, `"version":"v2"`))
