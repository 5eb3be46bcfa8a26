package tour

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
)

// shares are the weights of reviews.yaml, in percent.
var shares = []struct {
	version string
	percent float64
}{{"v1", 80}, {"v3", 20}}

// deviations is how far from its weight a share may be measured: four
// standard deviations, which chance passes once in 16,000 tours.
const deviations = 4

var split = Step{
	Title: "Everybody else is split 80 to 20 between v1 and v3",
	Curl: func(o Options) string {
		return fmt.Sprintf("for i in $(seq %d); do curl -s %s%s | grep -o 'reviews-v.'; done | sort | uniq -c",
			o.Requests, o.Page, reviewsPath)
	},
	Shows: "reviews.yaml's weights hold",
	Do: func(ctx context.Context, v *visit) (string, error) {
		count := map[string]int{}
		for range v.Requests {
			version, err := askVersion(ctx, v)
			if err != nil {
				return "", err
			}
			count[version]++
		}
		return describeShares(count, v.Requests), judgeShares(count, v.Requests)
	},
}

func askVersion(ctx context.Context, v *visit) (string, error) {
	got, err := v.send(ctx, request{path: reviewsPath})
	if err != nil {
		return "", err
	}
	var reviews struct{ Version string }
	if got.status != http.StatusOK || json.Unmarshal([]byte(got.body), &reviews) != nil {
		return "", fmt.Errorf("wanted reviews, got %s", got)
	}
	return reviews.Version, nil
}

func describeShares(count map[string]int, n int) string {
	var lines []string
	for _, s := range shares {
		share := 100 * float64(count[s.version]) / float64(n)
		bar := strings.Repeat("█", int(math.Round(share/2.5)))
		lines = append(lines, fmt.Sprintf("%s %5.1f %%  %-40s %d of %d", s.version, share, bar, count[s.version], n))
	}
	return strings.Join(lines, "\n")
}

func judgeShares(count map[string]int, n int) error {
	rest := n
	for _, s := range shares {
		p := s.percent / 100
		slack := deviations * math.Sqrt(float64(n)*p*(1-p))
		if got := float64(count[s.version]); math.Abs(got-p*float64(n)) > slack {
			return fmt.Errorf("wanted %.0f ± %.0f of %d from %s, got %.0f", p*float64(n), slack, n, s.version, got)
		}
		rest -= count[s.version]
	}
	if rest != 0 {
		return fmt.Errorf("%d answers came from another version", rest)
	}
	return nil
}
