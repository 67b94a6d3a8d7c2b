package budget

import (
	"context"
	"net"

	"mpicsim/perspectives"
)

// readWork is what one read costs besides its octets: whoever sends a stream octet
// by octet makes it expensive.
const readWork = 200

// Network returns n, charged: a connection counts as a message to its endpoint, and
// what is read from it as octets and work. Connections whose context carries no
// budget are those of n.
func Network(n perspectives.Network) perspectives.Network {
	if n == nil {
		return nil
	}
	if _, already := n.(network); already {
		return n
	}
	return network{n}
}

type network struct{ perspectives.Network }

// DialContext implements [perspectives.Network].
func (n network) DialContext(ctx context.Context, kind, address string) (net.Conn, error) {
	b := From(ctx)
	if b == nil {
		return n.Network.DialContext(ctx, kind, address)
	}
	if err := b.contact(address); err != nil {
		return nil, err
	}
	c, err := n.Network.DialContext(ctx, kind, address)
	if err != nil {
		return nil, err
	}
	return &conn{c, b}, nil
}

type conn struct {
	net.Conn
	budget *Budget
}

// Read implements [net.Conn]. What exceeds the budget is not returned.
func (c *conn) Read(p []byte) (int, error) {
	if err := c.budget.Ended(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if over := c.budget.receive(n); over != nil {
		return 0, over
	}
	return n, err
}

// receive charges one read of n octets.
func (b *Budget) receive(n int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.spend(Octets, n); err != nil {
		return err
	}
	return b.spend(Work, readWork+n)
}
