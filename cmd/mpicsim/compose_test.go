package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v4"

	"mpicsim/perspectives/access"
	"mpicsim/perspectives/remote"
)

// lineError says what is wrong with arguments of the program: a command that
// there is not, or one that only has others, a flag that it does not have, or
// arguments that it does not take. It runs nothing.
func lineError(args []string) error {
	cmd, rest, err := newRootCommand(testStreams(io.Discard, io.Discard)).Find(args)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return fmt.Errorf("%v: %w", args, err)
	}
	if help, _ := cmd.Flags().GetBool("help"); !help && cmd.HasSubCommands() {
		return fmt.Errorf("%v: want a command of %s", args, cmd.CommandPath())
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// composeFile is what the test looks at in compose.yaml.
type composeFile struct {
	Services map[string]struct {
		Image    string
		User     string
		Command  []string
		Ports    []string
		Volumes  []string
		ReadOnly bool                         `yaml:"read_only"`
		CapDrop  []string                     `yaml:"cap_drop"`
		Memory   string                       `yaml:"mem_limit"`
		PIDs     int                          `yaml:"pids_limit"`
		ULimits  map[string]int               `yaml:"ulimits"`
		After    map[string]map[string]string `yaml:"depends_on"`
		Others   map[string]any               `yaml:",inline"`
	}
	Others map[string]any `yaml:",inline"`
}

// TestCompose follows the instructions in compose.yaml as far as that goes without
// an engine: its commands exist, and with the keys that it says how to make each
// service finds, where it mounts them, all files that its configuration names, and
// the coordinator the perspectives under their services' names.
func TestCompose(t *testing.T) {
	g := NewWithT(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "compose.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	var compose composeFile
	g.Expect(yaml.Unmarshal(text, &compose)).To(Succeed())
	g.Expect(compose.Services).To(HaveLen(6))

	host := t.TempDir()
	for _, line := range regexp.MustCompile(`(?m)^#   bin/mpicsim (.*)$`).FindAllStringSubmatch(string(text), -1) {
		args := strings.Fields(line[1])
		g.Expect(lineError(args)).To(Succeed(), line[0])
		if args[0] == "keys" {
			args[len(args)-1] = filepath.Join(host, args[len(args)-1])
			g.Expect(run(args, testStreams(io.Discard, os.Stderr))).To(Equal(exitDone))
		}
	}
	g.Expect(os.Mkdir(filepath.Join(host, "audit"), 0o755)).To(Succeed())

	var remotes remote.RemotesFile
	for name, service := range compose.Services {
		g.Expect(service.Image).To(Equal("mpicsim"), name)
		g.Expect(service.User).To(HavePrefix("${MPICSIM_USER:-65532:65532}"), name)
		g.Expect(service.ReadOnly).To(BeTrue(), name)
		g.Expect(service.CapDrop).To(Equal([]string{"ALL"}), name)
		g.Expect(service.Memory).To(MatchRegexp("^[0-9]+m$"), name)
		g.Expect(service.PIDs).To(BeNumerically(">", 0), name)
		_, err := access.Bounds{Connections: 1024, Checks: 256}.Within(service.ULimits["nofile"], descriptorsOfCheck+5)
		g.Expect(err).NotTo(HaveOccurred(), "the defaults fit into the descriptors of %s", name)
		g.Expect(lineError(service.Command)).To(Succeed(), name)
		root := mounted(g, host, service.Volumes)
		config := root + service.Command[3]
		g.Expect(service.Command[2]).To(Equal("--config"), name)
		if name != "coordinator" {
			g.Expect(service.Command[:2]).To(Equal([]string{"serve", "perspective"}))
			g.Expect(run([]string{"serve", "perspective", "--check", "--config", config}, testStreams(io.Discard, os.Stderr))).To(Equal(exitDone), name)
			continue
		}
		g.Expect(service.Command[:2]).To(Equal([]string{"serve", "coordinator"}))
		file, err := readCoordinatorFile(config)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(file.HealthListen).To(Equal(healthAddress), "where the image's health check asks")
		args := slices.Clone(service.Command)
		args[3], args[7] = config, filepath.Join(root, args[7])
		var said strings.Builder
		g.Expect(run(append(args, "--check"), testStreams(&said, os.Stderr))).To(Equal(exitDone))
		g.Expect(said.String()).To(HaveSuffix("coordinator with 5 remotes, for 1 clients, is complete\n"))
		g.Expect(remote.ReadJSON(filepath.Join(filepath.Dir(config), file.Remotes), &remotes)).To(Succeed())
		g.Expect(service.After).To(HaveLen(5))
	}
	g.Expect(remotes.Remotes).To(HaveLen(5))
	for _, r := range remotes.Remotes {
		u, err := url.Parse(r.URL)
		g.Expect(err).NotTo(HaveOccurred())
		service, ok := compose.Services[u.Hostname()]
		g.Expect(ok).To(BeTrue(), "no service is called %s", u.Hostname())
		g.Expect(compose.Services["coordinator"].After).To(HaveKeyWithValue(u.Hostname(), map[string]string{"condition": "service_healthy"}))
		var f perspectiveFile
		g.Expect(remote.ReadJSON(filepath.Join(host, service.Command[3]), &f)).To(Succeed())
		g.Expect(f.Perspective.Name).To(Equal(r.Perspective.Name))
		g.Expect(f.Listen).To(Equal(":" + u.Port()))
		g.Expect(f.HealthListen).To(Equal(healthAddress), "where the image's health check asks")
	}
}

// mounted returns a folder with what a service sees. What it may write to must be
// a folder.
func mounted(g *WithT, host string, volumes []string) string {
	root, err := os.MkdirTemp(host, "root")
	g.Expect(err).NotTo(HaveOccurred())
	for _, v := range volumes {
		parts := strings.Split(v, ":")
		from, to := filepath.Join(host, parts[0]), filepath.Join(root, parts[1])
		info, err := os.Stat(from)
		g.Expect(err).NotTo(HaveOccurred(), v)
		g.Expect(len(parts) == 3 && parts[2] == "ro" || len(parts) == 2 && info.IsDir()).To(BeTrue(), v)
		g.Expect(os.MkdirAll(filepath.Dir(to), 0o755)).To(Succeed())
		if info.IsDir() {
			g.Expect(os.CopyFS(to, os.DirFS(from))).To(Succeed())
			// CopyFS leaves out the modes.
			g.Expect(filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				info, err := entry.Info()
				if err != nil {
					return err
				}
				return os.Chmod(filepath.Join(to, strings.TrimPrefix(path, from)), info.Mode().Perm())
			})).To(Succeed())
			continue
		}
		text, err := os.ReadFile(from)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(os.WriteFile(to, text, 0o600)).To(Succeed())
	}
	return root
}
