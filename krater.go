// Package krater is the root of the module: its tests hold the tree against
// ARCHITECTURE.md. The program is in cmd/krater.
package krater
