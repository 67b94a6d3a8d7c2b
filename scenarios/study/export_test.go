package study

import "io"

// CutInto sets how many victims a shard has, so that a small study has many.
func (p *Plan) CutInto(victims int) { p.shardSize = victims }

// TraceAll has every attack traced, also those that can be computed in bulk.
func (p *Plan) TraceAll() {
	for n := range p.attacks {
		p.attacks[n].prepared = nil
	}
}

// Through returns options whose files are written through wrap.
func (o RunOptions) Through(wrap func(name string, w io.Writer) io.Writer) RunOptions {
	o.wrap = wrap
	return o
}
