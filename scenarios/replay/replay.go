// Package replay runs one scenario with packets: it builds the emulated Internet
// that the scenario describes, starts the victim's, the attacker's and the name
// space's servers on it, lets the announcements of the timeline change the
// routes, and has the CA's perspectives check the domain from where they stand.
//
// It is the only place where the simulator and the CA's side meet: a perspective
// gets the Network of an emulated host and knows of nothing else.
//
// What it adds to the models below: every perspective, and the root's, the TLDs'
// and the victim's name servers, stand in prefixes of their own; a remote starts
// its check when the primary has finished and the coordinator's word, which
// travels in a straight line over the Earth at the speed of light in fibre, has
// arrived; the coordinator stands beside the primary.
//
// That is the out-of-band control plane. By an emulated one (ca.control-plane) the
// coordinator is a host of its own beside the primary, in a prefix of its own, and
// asks each remote by the protocol of package remote: real client and server, TLS
// 1.3 with certificates on both sides, over packets that routes lead where a hijack
// wants them. A remote's server stands at the address that its checks come from.
// It answers each connection at that connection's virtual time, so it remembers no
// nonce from one connection to the next. Whether the control plane is emulated or
// not, a story may hijack the prefix of a perspective: then answers to its own
// queries do not come back either.
//
// Not modelled: attackers who do more with what they get than to answer in the
// place of a web server, name server or perspective. In particular, who receives
// the answers to a perspective's queries could forge others in time.
package replay

import (
	"context"
	"fmt"
	"io"
	"time"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
)

// Options are how to replay; Source is required.
type Options struct {
	Source *scenarios.Source
	// Changed says that the command line replaced parts of the scenario.
	Changed bool
	// Workers is how many remotes run at a time, 0 for all at once. It changes no
	// result.
	Workers int
	// Capture, if not nil, gets a pcapng file with every packet at every host.
	Capture io.Writer
	// Version of the program, for the result.
	Version string
	// Loader loads topology files; nil means [Load]. A caller that replays often
	// can keep a file's topology.
	Loader func(s *scenarios.Source) (*Map, error)
}

// Run replays a scenario. A refusal is part of the result; an error means that
// the scenario does not fit its topology, or that ctx ended.
func Run(ctx context.Context, o Options) (*result.Replay, error) {
	w, err := Build(ctx, o)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	return w.Replay(ctx)
}

// Replay carries out the checks of the timeline, in order.
func (w *World) Replay(ctx context.Context) (*result.Replay, error) {
	s := w.source
	r := w.describe()
	for _, e := range s.Timeline {
		if e.Check == nil {
			continue
		}
		check, err := w.Check(ctx, *e.Check, e.At)
		if err != nil {
			return nil, fmt.Errorf("check %q: %w", e.Check.Name, err)
		}
		r.Checks = append(r.Checks, *check)
	}
	r.Expectations = append(compare(s.Expect, r.Checks), judgeVerdict(r.Scenario.Verdict, r.Checks)...)
	r.Network.TouchedASes, _ = w.fabric.TouchedASes()
	if w.options.Capture != nil {
		if _, err := w.fabric.WriteCapture(w.options.Capture); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// storyStart is noon UTC of the policy date.
func storyStart(date time.Time) time.Time { return date.Add(12 * time.Hour) }
