package model

// versionLabels name a workload's version, the first that is there, as Istio's
// canonical revision does.
var versionLabels = []string{"service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"}

// Version is a workload's, by its labels; "" where none says.
func Version(labels map[string]string) string {
	for _, name := range versionLabels {
		if v := labels[name]; v != "" {
			return v
		}
	}
	return ""
}
