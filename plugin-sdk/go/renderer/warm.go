package renderer

import (
	"runtime"
	"runtime/debug"
)

// How much garbage may gather while the snapshot is made, in percent of what
// lives: little, for it grows the memory that every call starts with.
const warmGarbagePercent = 20

// Warm runs what does not depend on the request: tables to build, schemas to
// parse. Call it from an init function. It happens once, before the host
// snapshots the memory that every call starts with; what fails in it should be
// left to fail again, with a message, when it is needed.
func Warm(what func()) {
	defer tidy(debug.SetGCPercent(warmGarbagePercent))
	what()
}

// tidy collects the garbage and overwrites it with zeros, for it would be in the
// snapshot too; and sets how much may gather from then on. What is allocated
// comes zeroed, so as much is allocated as is free.
func tidy(garbagePercent int) {
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
	debug.SetGCPercent(garbagePercent)
}
