// What the author of a renderer in Go depends on; the README above has an
// example.
module windlass.dev/plugin-sdk

go 1.26
