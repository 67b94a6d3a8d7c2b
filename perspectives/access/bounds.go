package access

import "fmt"

// reservedDescriptors are kept for files, logs, listeners and the runtime.
const reservedDescriptors = 64

// The bounds of a process that may have as many descriptors as it likes.
const (
	defaultConnections = 1024
	defaultChecks      = 256
)

// Bounds are how many connections a server takes, and how many checks it makes at a
// time. 0 stands for the default: 1024 and 256, or as many as there are descriptors
// for.
type Bounds struct {
	Connections, Checks int
}

// Within returns b with its defaults filled in, for a process that may have so many
// descriptors open, of which one check takes perCheck besides the connection that it
// was asked over. Connections and checks never need more than there are: what is
// under way can be finished. The error names the field that asks for too much.
func (b Bounds) Within(descriptors, perCheck int) (Bounds, error) {
	free := descriptors - reservedDescriptors
	least := MinConnections + perCheck
	switch {
	case b.Connections < 0 || b.Connections > 0 && b.Connections < MinConnections:
		return b, fmt.Errorf("max_connections: found %d, expected %d or more", b.Connections, MinConnections)
	case b.Checks < 0:
		return b, fmt.Errorf("max_checks: found %d, expected 1 or more", b.Checks)
	case free < least:
		return b, fmt.Errorf("found a limit of %d open files, expected %d or more: see ulimit -n", descriptors, least+reservedDescriptors)
	}
	if b.Checks == 0 {
		left := free / 2
		if b.Connections > 0 {
			left = free - b.Connections
		}
		b.Checks = max(1, min(defaultChecks, left/perCheck))
	}
	if b.Connections == 0 {
		b.Connections = max(MinConnections, min(defaultConnections, free-b.Checks*perCheck))
	}
	if need := b.Connections + b.Checks*perCheck + reservedDescriptors; need > descriptors {
		return b, fmt.Errorf("max_connections %d, max_checks %d: found a limit of %d open files, expected %d or more: "+
			"%d for each check, and %d: see ulimit -n", b.Connections, b.Checks, descriptors, need, perCheck, reservedDescriptors)
	}
	return b, nil
}
