// Package kubernetes is imported by Helm for the version of its module alone,
// which go.mod still names.
package kubernetes
