package scenarios

import (
	"bytes"
	_ "embed"
	"fmt"
)

//go:embed template.yaml
var template []byte

// TemplateName is what the scenario of the template is called.
const TemplateName = "my-scenario"

// Template returns a scenario's file to start from, with a name: it runs as it is
// and says of each field what it means, its default and its choices. It returns
// an error for a name that no scenario can have. The caller owns the slice.
func Template(name string) ([]byte, error) {
	if !namePattern.MatchString(name) {
		return nil, fmt.Errorf("a scenario's name: found %s, expected lower-case letters, digits and hyphens", quote(name))
	}
	return bytes.ReplaceAll(template, []byte(TemplateName), []byte(name)), nil
}
