// Package dynamic has the interfaces through which Helm's engine would read
// objects for `lookup`, and no implementation of them.
package dynamic

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// Content is an object, or a list of objects.
type Content interface {
	UnstructuredContent() map[string]any
}

// ResourceInterface would read objects of one kind.
type ResourceInterface interface {
	Get(ctx context.Context, name string, options metav1.GetOptions, subresources ...string) (Content, error)
	List(ctx context.Context, options metav1.ListOptions) (Content, error)
}

// NamespaceableResourceInterface is one that can be narrowed to a namespace.
type NamespaceableResourceInterface interface {
	Namespace(name string) ResourceInterface
	ResourceInterface
}

// DynamicClient would read objects of all kinds.
type DynamicClient struct{}

// NewForConfig always fails.
func NewForConfig(*rest.Config) (*DynamicClient, error) {
	return nil, errors.New("there is no cluster to read from")
}

// Resource is never reached.
func (*DynamicClient) Resource(schema.GroupVersionResource) NamespaceableResourceInterface {
	return nil
}
