package result

import (
	"encoding/binary"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// column is a column of the Parquet files of a study, by its place in a row.
type column int

const (
	columnVictim column = iota
	columnPrefix
	columnAttacker
	columnAttack
	columnVictimWeight
	columnAttackerWeight
	columnCount
	columnReached
	columnLower
	columnPicked
	columnUpper
	columns
)

// columnNames returns what the columns are called.
func columnNames() [columns]string {
	return [columns]string{
		"victim", "prefix", "attacker", "attack", "victim_weight", "attacker_weight", "count", "reached", "lower", "picked", "upper",
	}
}

// setBytes is how many bytes a set of viewpoints takes in a file.
func setBytes(viewpoints int) int { return (viewpoints + 7) / 8 }

// hijackSchema returns the schema of a file about so many viewpoints. All columns
// are required.
func hijackSchema(viewpoints int) *parquet.Schema {
	asn := parquet.Encoded(parquet.Uint(32), &parquet.RLEDictionary)
	weight := parquet.Encoded(parquet.Leaf(parquet.DoubleType), &parquet.RLEDictionary)
	set := parquet.Encoded(parquet.Leaf(parquet.FixedLenByteArrayType(setBytes(viewpoints))), &parquet.RLEDictionary)
	nodes := [columns]parquet.Node{
		columnVictim: asn, columnAttacker: asn,
		columnPrefix:       parquet.Encoded(parquet.String(), &parquet.RLEDictionary),
		columnAttack:       parquet.Encoded(parquet.String(), &parquet.RLEDictionary),
		columnVictimWeight: weight, columnAttackerWeight: weight,
		columnCount:   parquet.Encoded(parquet.Int(64), &parquet.RLEDictionary),
		columnReached: set, columnLower: set, columnPicked: set, columnUpper: set,
	}
	root := hijackNode{Group: parquet.Group{}}
	for c, name := range columnNames() {
		node := parquet.Compressed(nodes[c], &zstd.Codec{Level: zstd.SpeedFastest})
		root.Group[name] = node
		root.fields = append(root.fields, &hijackField{Node: node, name: name})
	}
	return parquet.NewSchema("hijack", root)
}

// hijackNode is a group whose fields have an order of their own: those of
// parquet.Group are sorted by name.
type hijackNode struct {
	parquet.Group
	fields []parquet.Field
}

// Fields implements [parquet.Node].
func (n hijackNode) Fields() []parquet.Field { return n.fields }

// hijackField is a column.
type hijackField struct {
	parquet.Node
	name string
}

// Name implements [parquet.Field].
func (f *hijackField) Name() string { return f.name }

// Value implements [parquet.Field]. It is for rows that are Go maps.
func (f *hijackField) Value(base reflect.Value) reflect.Value {
	return base.MapIndex(reflect.ValueOf(f.name))
}

// pack writes a set as bytes: bit i%8, counted from the least significant, of
// byte i/8 for the i-th viewpoint. That is the set's memory on a little-endian
// machine, cut short.
func (s Set) pack(to []byte) {
	for _, word := range s {
		if len(to) < 8 {
			for n := range to {
				to[n] = byte(word >> (8 * n))
			}
			return
		}
		binary.LittleEndian.PutUint64(to, word)
		to = to[8:]
	}
}

// unpack reads what pack has written.
func (s Set) unpack(from []byte) {
	for n := range s {
		if len(from) < 8 {
			s[n] = 0
			for i, b := range from {
				s[n] |= uint64(b) << (8 * i)
			}
			return
		}
		s[n] = binary.LittleEndian.Uint64(from)
		from = from[8:]
	}
}
