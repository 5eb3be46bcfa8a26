// Package lowered_test holds lowered rules against a real Envoy: each input and
// test, answers, several policies on one workload, and policyd's absence.
package lowered_test
