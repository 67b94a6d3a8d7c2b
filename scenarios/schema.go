package scenarios

import (
	"bytes"
	_ "embed"
)

// The schemas are written by the tests from the types of this package, with
// their doc comments; see schema_test.go.
var (
	//go:embed scenario.schema.json
	scenarioSchema []byte
	//go:embed study.schema.json
	studySchema []byte
	//go:embed deployment.schema.json
	deploymentSchema []byte
)

// SchemaJSON returns the JSON Schema (draft 2020-12) of a [Scenario]'s file, for
// editors: it knows the fields, what is required, the choices and what each field
// means. It accepts whatever [Parse] does, and some of what Parse refuses: what
// one field says about another, whether names and addresses fit, is beyond it. The
// caller owns the slice.
func SchemaJSON() []byte { return bytes.Clone(scenarioSchema) }

// StudySchemaJSON returns the same for a [Study]'s file and [ParseStudy].
func StudySchemaJSON() []byte { return bytes.Clone(studySchema) }

// DeploymentSchemaJSON returns the same for a [Deployment]'s file and
// [ParseDeployment].
func DeploymentSchemaJSON() []byte { return bytes.Clone(deploymentSchema) }
