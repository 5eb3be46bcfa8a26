package inject_test

import (
	"bytes"
	"regexp"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// strict reads each injected object as Kubernetes does, and refuses a field
// that it does not know.
func strict(t *testing.T, stream []byte) {
	t.Helper()
	for _, document := range regexp.MustCompile(`(?m)^---$`).Split(string(stream), -1) {
		strictObject(t, []byte(document))
	}
}

func strictObject(t *testing.T, text []byte) {
	t.Helper()
	var head struct {
		APIVersion, Kind string
		Items            []map[string]any
	}
	if err := yaml.Unmarshal(text, &head); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	types := map[string]any{
		"v1/Pod": &corev1.Pod{}, "v1/ReplicationController": &corev1.ReplicationController{},
		"apps/v1/Deployment": &appsv1.Deployment{}, "apps/v1/StatefulSet": &appsv1.StatefulSet{},
		"apps/v1/DaemonSet": &appsv1.DaemonSet{}, "apps/v1/ReplicaSet": &appsv1.ReplicaSet{},
		"batch/v1/Job": &batchv1.Job{}, "batch/v1/CronJob": &batchv1.CronJob{},
	}
	if head.Kind == "List" {
		for _, item := range head.Items {
			one, err := yaml.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			strictObject(t, one)
		}
		return
	}
	into, ok := types[head.APIVersion+"/"+head.Kind]
	if !ok || !bytes.Contains(text, []byte("krater-")) {
		return
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Errorf("%s: %v\n%s", head.Kind, err, text)
	}
}
