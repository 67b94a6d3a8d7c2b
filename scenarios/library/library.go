// Package library holds the built-in scenarios, one YAML file each, embedded in
// the program. The files are the documentation: each says what it claims, where
// its facts are from and what must come out, and a test replays all of them.
package library

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Default is the scenario that is replayed if none is named.
const Default = "equal-prefix"

// Names returns the scenarios' names: the default first, then in alphabetical
// order.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("library: the embedded files cannot be listed: " + err.Error())
	}
	names := []string{Default}
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), ".yaml"); name != Default {
			names = append(names, name)
		}
	}
	slices.Sort(names[1:]) // files sort by what is behind the name as well
	return names
}

// Text returns a scenario's YAML and what errors call the file. It returns an
// error that lists the names if there is no such scenario.
func Text(name string) (data []byte, file string, err error) {
	if !slices.Contains(Names(), name) {
		return nil, "", fmt.Errorf("scenario %q: want one of %s, or a YAML file", name, strings.Join(Names(), ", "))
	}
	file = name + ".yaml"
	data, err = files.ReadFile(file)
	return data, file, err
}
