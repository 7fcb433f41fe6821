package render

import (
	"math/rand"
	"testing"
)

func TestTheSourceOfRandIntAndShuffleCanBeSeeded(t *testing.T) {
	numbers := func() (int64, int64) {
		rand.Seed(1) //nolint:staticcheck // what reseed does
		first := rand.Int63()
		rand.Seed(1) //nolint:staticcheck // what reseed does
		return first, rand.Int63()
	}
	if first, second := numbers(); first != second {
		t.Error("go.mod lacks the setting `randseednop=0`")
	}
}
