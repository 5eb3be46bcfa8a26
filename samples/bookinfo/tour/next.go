package tour

import (
	"io"
	"strings"
)

const nextText = `Open
  PAGE/productpage     the page; sign in as jason, snail or doomed
  METRICS  the mesh's metrics

Try, in the repository's folder
  bin/krater status                    each proxy, and what it has
  bin/krater compile samples/bookinfo  where each rule runs, and why
  bin/krater explain samples/bookinfo --from istio-ingressgateway --to productpage:9080 \
      --method DELETE --path /api/v1/products/0
                                       why a request is denied
  sed -i 's/weight: 80/weight: 0/; s/weight: 20/weight: 100/' samples/bookinfo/reviews.yaml
                                       and reload the page: red stars for everybody
  samples/bookinfo/README.md           the whole story, step by step
`

// next tells what to open and to try.
func next(out io.Writer, o Options) {
	_, _ = io.WriteString(out, "\n"+strings.NewReplacer("PAGE", o.Page, "METRICS", o.Metrics).Replace(nextText))
}
