package fabric

import (
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// link is the wire between a host's stack and its AS's router. It has no queue:
// packets are forwarded on the goroutine that sends them.
type link struct {
	host *Host
	// dispatcher is the stack's receiving end, nil once the stack is closed: other
	// hosts may still be sending then.
	dispatcher atomic.Pointer[stack.NetworkDispatcher]
}

var _ stack.LinkEndpoint = (*link)(nil)

// WritePackets implements [stack.LinkWriter].
func (l *link) WritePackets(list stack.PacketBufferList) (int, tcpip.Error) {
	n := 0
	for _, p := range list.AsSlice() {
		view := p.ToView()
		raw := append(make([]byte, 0, view.Size()), view.AsSlice()...)
		view.Release()
		l.host.emit(raw)
		n++
	}
	return n, nil
}

// deliver hands a packet to the host's stack, unless that is closed.
func (l *link) deliver(p packet) {
	dispatcher := l.dispatcher.Load()
	if dispatcher == nil {
		return
	}
	number := ipv6.ProtocolNumber
	if p.is4() {
		number = ipv4.ProtocolNumber
	}
	buf := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(p.raw)})
	defer buf.DecRef()
	(*dispatcher).DeliverNetworkPacket(number, buf)
}

// Attach implements [stack.NetworkLinkEndpoint]; the stack takes itself off with
// nil when it closes.
func (l *link) Attach(d stack.NetworkDispatcher) {
	if d == nil {
		l.dispatcher.Store(nil)
		return
	}
	l.dispatcher.Store(&d)
}

// The rest implements [stack.NetworkLinkEndpoint] for a wire without headers.

func (l *link) IsAttached() bool                             { return l.dispatcher.Load() != nil }
func (l *link) MTU() uint32                                  { return mtu }
func (l *link) SetMTU(uint32)                                {}
func (l *link) MaxHeaderLength() uint16                      { return 0 }
func (l *link) LinkAddress() tcpip.LinkAddress               { return "" }
func (l *link) SetLinkAddress(tcpip.LinkAddress)             {}
func (l *link) Capabilities() stack.LinkEndpointCapabilities { return stack.CapabilityNone }
func (l *link) Wait()                                        {}
func (l *link) ARPHardwareType() header.ARPHardwareType      { return header.ARPHardwareNone }
func (l *link) AddHeader(*stack.PacketBuffer)                {}
func (l *link) ParseHeader(*stack.PacketBuffer) bool         { return true }
func (l *link) Close()                                       {}
func (l *link) SetOnCloseAction(func())                      {}
