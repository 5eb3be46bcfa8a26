package crds

// Selector chooses workloads by their labels; without labels, all of the
// namespace (of every namespace, for an object of the root namespace).
type Selector struct {
	MatchLabels map[string]string `json:"matchLabels"`
}
