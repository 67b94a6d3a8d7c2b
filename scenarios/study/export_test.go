package study

import "io"

// CutInto sets how many victims a shard has, so that a small study has many.
func (p *Plan) CutInto(victims int) { p.shardSize = victims }

// Through returns options whose files are written through wrap.
func (o RunOptions) Through(wrap func(name string, w io.Writer) io.Writer) RunOptions {
	o.wrap = wrap
	return o
}
