package result

import (
	"bytes"
	_ "embed"
)

//go:embed replay.schema.json
var replaySchema []byte

// ReplaySchemaJSON returns the JSON Schema (draft 2020-12) of [Replay]'s JSON
// form. The caller owns the slice.
func ReplaySchemaJSON() []byte { return bytes.Clone(replaySchema) }

//go:embed study.schema.json
var manifestSchema []byte

// ManifestSchemaJSON returns the JSON Schema (draft 2020-12) of [Manifest]'s JSON
// form. The caller owns the slice.
func ManifestSchemaJSON() []byte { return bytes.Clone(manifestSchema) }
