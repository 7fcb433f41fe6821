// Package rest has the type that names a connection to a cluster.
package rest

// Config would say how to reach a cluster.
type Config struct{}
