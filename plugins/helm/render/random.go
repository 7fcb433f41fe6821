package render

import (
	crypto "crypto/rand"
	"encoding/binary"
	"math/rand"
)

// reseed lets `randInt` and `shuffle` depend on the request, as the other
// random functions do. Those ask the host at each call. These two use the global
// source of math/rand, which the runtime seeds when it starts: before the
// snapshot, and so alike for all.
//
// The setting `randseednop=0` in go.mod makes Seed do something.
func reseed() {
	var seed [8]byte
	if _, err := crypto.Read(seed[:]); err != nil {
		return
	}
	rand.Seed(int64(binary.LittleEndian.Uint64(seed[:]))) //nolint:staticcheck // upstream uses this source
}
