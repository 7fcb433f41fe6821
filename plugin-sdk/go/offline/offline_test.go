package offline

import (
	"fmt"
	"net/http"
	"testing"
)

func TestACutNetworkFailsWithTheAddress(t *testing.T) {
	before := http.DefaultTransport
	defer func() { http.DefaultTransport = before }()
	Cut()
	response, err := http.Get("https://charts.example.org/a.tgz")
	if err == nil {
		_ = response.Body.Close()
		t.Fatal("the request was answered")
	}
	if address := Address(fmt.Errorf("load a chart: %w", err)); address != "https://charts.example.org/a.tgz" {
		t.Errorf("the address is %q, in %v", address, err)
	}
}

func TestAnotherErrorHasNoAddress(t *testing.T) {
	if address := Address(fmt.Errorf("no such file")); address != "" {
		t.Errorf("the address is %q", address)
	}
}
