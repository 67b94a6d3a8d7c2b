package fabric

import "time"

// forwarding is one packet at the router where its journey starts.
type forwarding struct {
	as   int32         // the AS whose router handles it first
	from *Host         // the sending host, nil if a router made the packet
	raw  []byte        // the IP packet; forward owns it
	at   time.Duration // virtual time of sending
	// trace, if not nil, is told the ASes that handled the packet, in order, and
	// the host it is for, nil if none, before that host gets it.
	trace func(path []int32, to *Host)
}

// forward carries a packet hop by hop and hands it to the host that owns its
// destination in the AS where its journey ends. Whatever cannot be delivered is
// reported to its sender by ICMP. Every router, the first included, decrements
// the TTL, so that hop n of a traceroute is the nth AS of the path.
//
// The caller may hold locks of its own TCP/IP stack: forward enters no stack but
// the receiver's, and that one only as far as its queues.
func (f *Fabric) forward(j forwarding) {
	p, ok := parse(j.raw)
	if !ok || f.closed.Load() {
		return
	}
	end := f.walk(j, p)
	if j.trace != nil {
		j.trace(end.path, end.to)
	}
	if end.to == nil {
		f.astray(p, nil)
		f.report(end.as, p, end.at, end.why)
		return
	}
	end.to.receive(p, end.at)
}

// journey is where a packet's way ends: at a host, or in trouble at an AS.
type journey struct {
	as   int32
	to   *Host // nil if the packet is in trouble
	why  trouble
	at   time.Duration // virtual time of arrival there
	path []int32       // the ASes on the way, only for forwardings with a trace
}

func (f *Fabric) walk(j forwarding, p packet) journey {
	table := f.fib.at(j.at)
	end := journey{as: j.as}
	var way odometer
	if j.from != nil {
		way.last, way.known = j.from.place, j.from.placed
	}
	stop := func(why trouble) journey {
		end.why, end.at = why, j.at+way.total
		return end
	}
	for hop := false; ; hop = true {
		at, known := f.graph.Place(end.as)
		way.enter(f.delays, at, known, hop)
		if j.trace != nil {
			end.path = append(end.path, end.as)
		}
		f.router(end.as).forwarded.Add(1)
		if p.ttl() <= 1 {
			return stop(ttlExpired)
		}
		p.decrementTTL()
		if table.diverted(end.as, p.src, p.dst) {
			if to := f.attached(end.as, p.dst); to != nil && to != j.from {
				break
			}
		}
		next, own, ok := table.lookup(end.as, p.dst)
		if !ok {
			return stop(noRoute)
		}
		if own {
			break
		}
		end.as = next
	}
	if end.to = f.attached(end.as, p.dst); end.to == nil {
		return stop(noHost)
	}
	way.enter(f.delays, end.to.place, end.to.placed, false)
	end.at = j.at + way.total
	return end
}
