package renderer

import (
	"runtime"
	"runtime/debug"
)

// How much garbage may gather while the snapshot is made, in percent of what
// lives: little, for it grows the memory that every call starts with.
const warmGarbagePercent = 20

// How much garbage may gather in a call, in percent of what lives: much, for a
// call is short and its memory is thrown away as a whole. Beyond the limit it is
// collected more often.
const (
	callGarbagePercent = 400
	callMemoryLimit    = 64 << 20
)

// Warm runs what does not depend on the request: tables to build, schemas to
// parse. Call it from an init function. It happens once, before the host
// snapshots the memory that every call starts with; what fails in it should be
// left to fail again, with a message, when it is needed.
//
// It sets the garbage collector up for calls, too: most end without a
// collection.
func Warm(what func()) {
	debug.SetGCPercent(warmGarbagePercent)
	defer tidy()
	what()
}

// tidy collects the garbage and overwrites it with zeros, for it would be in the
// snapshot too. What is allocated comes zeroed, so as much is allocated as is
// free.
func tidy() {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	const page = 8192
	pages := make([][]byte, 0, memory.HeapIdle/page)
	for range cap(pages) {
		pages = append(pages, make([]byte, page))
	}
	runtime.KeepAlive(pages)
	pages = nil
	runtime.GC()
	debug.SetGCPercent(callGarbagePercent)
	debug.SetMemoryLimit(callMemoryLimit)
}
