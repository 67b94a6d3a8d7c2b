package remote

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/perspectives/ijson"
)

// Canonical returns the canonical form of a JSON object, without the members of
// the outermost object that are named in without: what is signed. See
// [ijson.Canonical].
func Canonical(data []byte, without ...string) ([]byte, error) {
	return ijson.Canonical(data, without...)
}

// decode reads one JSON object into v, under the rules of [ijson.Check] and
// [Canonical], which it returns without the members named.
func decode(data []byte, v any, unknown ijson.Unknown, without ...string) ([]byte, error) {
	canonical, err := ijson.DecodeCanonical(data, v, unknown, without...)
	if err != nil {
		return nil, wellPut(err)
	}
	return canonical, nil
}

// errNotText is wrapped by the error about a value with a string that is not UTF-8.
var errNotText = errors.New("a string is not valid UTF-8")

// encode writes v as JSON, in which every string says what it says in v:
// encoding/json would put U+FFFD for octets that are not UTF-8.
func encode(v any) ([]byte, error) {
	out, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if replaces(out) {
		return nil, errNotText
	}
	return out, nil
}

// replaces reports whether encoding/json has replaced octets in what it wrote:
// that is the only U+FFFD which it writes as an escape.
func replaces(text []byte) bool {
	const escape = `\ufffd`
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte(escape))
		if i < 0 {
			return false
		}
		at += i
		backslashes := 0
		for backslashes < at && text[at-1-backslashes] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return true
		}
		at += len(escape)
	}
}

// inUTF8 returns r with U+FFFD for octets of its evidence that are not UTF-8, which
// no answer can hold.
func inUTF8(r perspectives.Result) (perspectives.Result, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return r, err
	}
	var out perspectives.Result
	err = json.Unmarshal(text, &out)
	return out, err
}

// wellPut words an error of encoding/json without Go's types.
func wellPut(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("field %s: found a %s at octet %d, expected %s",
			cmp.Or(wrong.Field, "(all)"), wrong.Value, wrong.Offset, kindOf(wrong.Type.Kind().String()))
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

func kindOf(kind string) string {
	switch kind {
	case "struct", "map":
		return "an object"
	case "slice", "array":
		return "an array"
	case "bool":
		return "true or false"
	case "string":
		return "a string"
	default:
		return "a number"
	}
}
