// Package offline makes a library that would use HTTP fail at once, with the
// address, instead of with an error of a socket: a renderer has no network.
//
// It is a package of its own, so that only who needs it links net/http.
package offline

import (
	"errors"
	"fmt"
	"net/http"
)

// UnreachableError is why a request was refused. It stands in the error that a
// client returns, where [errors.As] finds it.
type UnreachableError struct {
	// Address is the URL that was asked for.
	Address string
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("`%s` is remote, and the network is not reachable from the sandbox: commit a copy", e.Address)
}

// Cut refuses every request of the clients that use [http.DefaultTransport],
// which is all that choose no transport of their own.
func Cut() {
	http.DefaultTransport = transport{}
}

// Address is the URL that err was refused for, or empty.
func Address(err error) string {
	var unreachable *UnreachableError
	if errors.As(err, &unreachable) {
		return unreachable.Address
	}
	return ""
}

type transport struct{}

// RoundTrip implements http.RoundTripper.
func (transport) RoundTrip(request *http.Request) (*http.Response, error) {
	return nil, &UnreachableError{Address: request.URL.String()}
}
