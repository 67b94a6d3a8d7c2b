package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mpicsim/perspectives"
	"mpicsim/perspectives/catalog"
	"mpicsim/perspectives/remote"
)

func newKeysCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make keys and certificates for perspectives, API keys for callers",
		Example: `  mpicsim keys new --perspectives example-five-remotes -o pki
  mpicsim keys api --client ra --file pki/coordinator/api-keys.json`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysNewCommand(s), newKeysAPICommand(s))
	return cmd
}

// keysFlags are those of `keys new`.
type keysFlags struct {
	set, out, host string
	port           uint16
	partner        string
	issuers        []string
	days           int
}

func newKeysNewCommand(s streams) *cobra.Command {
	var f keysFlags
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make a test PKI for a set of perspectives",
		Long: `New makes a CA, a client certificate and a configuration for the coordinator, and
for each remote perspective of a set a server certificate, a signing key and a
configuration: all that 'mpicsim serve coordinator' and 'mpicsim serve perspective'
need to find and believe each other. All keys are random. Nothing is ever
overwritten.

With %s in --host each perspective has a host of its own, all the same port, and
port 8081 for questions of that host about its health; %s becomes the perspective's
name with hyphens for slashes. So has the coordinator, with "coordinator" for the
name: it then has a server certificate, and only those may call it who have the client
certificate in caller/. Without %s they share the host, on consecutive ports, and the
coordinator is for callers on its own machine.`,
		Example: `  # Five perspectives on this machine, ports 9001 to 9005
  mpicsim keys new --perspectives example-five-remotes -o pki

  # Machines of their own
  mpicsim keys new --perspectives example-five-remotes --host %s.mpic.example --port 8443 -o pki`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			files, err := f.files(time.Now())
			if err != nil {
				return err
			}
			if err := writeNew(f.out, files); err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.out, "%s: %d files; begin with %s\n", f.out, len(files), filepath.Join(f.out, coordinatorPath))
			return fault(err)
		},
	}
	cmd.Flags().StringVar(&f.set, "perspectives", "", "the `set`: a name of the catalog, or PRIMARY:REMOTE,REMOTE,...")
	cmd.Flags().StringVarP(&f.out, "output", "o", "", "`folder` to make")
	cmd.Flags().StringVar(&f.host, "host", "127.0.0.1", "`host` name or IP address of the perspectives")
	cmd.Flags().Uint16Var(&f.port, "port", 9001, "`port` of the first perspective, or of all with %s in --host")
	cmd.Flags().StringVar(&f.partner, "partner", "ca", "`name` of the CA that may ask")
	cmd.Flags().StringSliceVar(&f.issuers, "issuer-domain", []string{"ca.example"}, "CAA `domain` of that CA; may be given again")
	cmd.Flags().IntVar(&f.days, "days", 90, "how many `days` the certificates are valid")
	return cmd
}

const (
	coordinatorPath = "coordinator/coordinator.json"
	remotesPath     = "coordinator/remotes.json"
	secretPath      = "coordinator/cohorts.secret"
	caPath          = "ca.pem"
	healthAddress   = "127.0.0.1:8081"
	setback         = 5 * time.Minute // for clocks that are late
)

func (f keysFlags) validate() error {
	switch {
	case f.set == "":
		return errors.New("--perspectives: missing: want a set such as example-five-remotes")
	case f.out == "":
		return errors.New("-o: missing: want a folder to make")
	case f.days < 1 || f.days > 3650:
		return fmt.Errorf("--days %d: want 1 to 3650", f.days)
	case f.port == 0:
		return errors.New("--port 0: want 1 to 65535")
	case f.partner == "" || strings.ContainsAny(f.partner, "/\\ .%"):
		return fmt.Errorf("--partner %q: want a name without slashes, dots, spaces and percent signs", f.partner)
	case strings.Count(f.host, "%") != strings.Count(f.host, "%s") || strings.ContainsAny(f.host, "/: ") && !isAddress(f.host):
		return fmt.Errorf("--host %q: want a host name or an IP address, with %%s for the perspective's name", f.host)
	}
	return nil
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// newFile is a file to write.
type newFile struct {
	path string
	data []byte
}

// files makes everything in memory.
func (f keysFlags) files(now time.Time) ([]newFile, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	set, err := catalog.ParseSet(f.set)
	if err != nil {
		return nil, fmt.Errorf("--perspectives: %w", err)
	}
	from, to := now.Add(-setback), now.AddDate(0, 0, f.days)
	ca, err := remote.NewAuthority("mpicsim test CA", from, to)
	if err != nil {
		return nil, fault(err)
	}
	pair, err := ca.Files()
	if err != nil {
		return nil, fault(err)
	}
	identity := "spiffe://" + f.issuers[0] + "/mpic/" + f.partner
	client, err := ca.Issue(remote.Leaf{CommonName: f.partner, Identity: identity, NotBefore: from, NotAfter: to})
	if err != nil {
		return nil, fault(err)
	}
	remotes := remote.RemotesFile{
		Roots: "../" + caPath, Certificate: "client.pem", Key: "client-key.pem", Primary: &set.Primary,
	}
	files := []newFile{
		{caPath, pair.Certificate},
		{"ca-key.pem", pair.Key},
		{"coordinator/client.pem", client.Certificate},
		{"coordinator/client-key.pem", client.Key},
	}
	for i, p := range set.Remotes {
		host, port, listen := f.place(p, i)
		if port > 65535 {
			return nil, fmt.Errorf("--port %d: no port left for perspective %d", f.port, i+1)
		}
		public, signing, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fault(err)
		}
		server, err := ca.Issue(remote.Leaf{CommonName: p.Name, Hosts: []string{host}, NotBefore: from, NotAfter: to})
		if err != nil {
			return nil, fault(err)
		}
		private, err := remote.MarshalKey(signing)
		if err != nil {
			return nil, fault(err)
		}
		config, err := asJSON(perspectiveFile{
			Perspective: p, Listen: listen, HealthListen: f.health(), CertificateFile: "server.pem", KeyFile: "server-key.pem",
			SigningKeyFile: "signing-key.pem", LogDir: ".", CheckTimeout: remote.Duration(30 * time.Second),
			DrainTimeout: remote.Duration(35 * time.Second), ReloadInterval: remote.Duration(10 * time.Second),
			Partners: []partnerFile{{clientFile: clientFile{
				Name: f.partner, Identity: identity, RootsFile: "../../" + caPath, Methods: []perspectives.Method{allMethods},
				IssuerDomains: f.issuers, ChecksPerSecond: 100, Burst: 200, DailyQuota: 1_000_000, Concurrent: 100, Operator: true,
			}}},
		})
		if err != nil {
			return nil, fault(err)
		}
		dir := "perspectives/" + fileName(p) + "/"
		files = append(files, newFile{dir + "server.pem", server.Certificate}, newFile{dir + "server-key.pem", server.Key},
			newFile{dir + "signing-key.pem", private}, newFile{dir + "perspective.json", config})
		remotes.Remotes = append(remotes.Remotes, remote.Entry{
			Perspective: p, URL: "https://" + net.JoinHostPort(host, strconv.Itoa(port)), PublicKey: remote.Base64(public),
		})
	}
	list, err := asJSON(remotes)
	if err != nil {
		return nil, fault(err)
	}
	calling, pairs, err := f.callers(ca, from, to)
	if err != nil {
		return nil, fault(err)
	}
	files = append(files, pairs...)
	coordinator, err := asJSON(coordinatorFile{
		Remotes: "remotes.json", PrimaryAt: "here", Rule: "br", CAADomains: f.issuers, Cohorts: cohortsFile{SecretFile: "cohorts.secret"},
		DefaultCount: len(set.Remotes), ReloadInterval: remote.Duration(10 * time.Second), callersFile: calling,
	})
	return append(files, newFile{remotesPath, list}, newFile{coordinatorPath, coordinator}, newFile{secretPath, []byte(rand.Text() + "\n")}), fault(err)
}

// callers returns who may call the coordinator, and the files for that: anyone on its
// machine, or if it has a host of its own, who has the caller's certificate.
func (f keysFlags) callers(ca *remote.Authority, from, to time.Time) (callersFile, []newFile, error) {
	if !strings.Contains(f.host, "%s") {
		return callersFile{}, nil, nil
	}
	server, err := ca.Issue(remote.Leaf{
		CommonName: "coordinator", Hosts: []string{strings.ReplaceAll(f.host, "%s", "coordinator"), "localhost", "127.0.0.1"},
		NotBefore: from, NotAfter: to,
	})
	if err != nil {
		return callersFile{}, nil, err
	}
	identity := "spiffe://" + f.issuers[0] + "/mpic/caller"
	client, err := ca.Issue(remote.Leaf{CommonName: "caller", Identity: identity, NotBefore: from, NotAfter: to})
	if err != nil {
		return callersFile{}, nil, err
	}
	who := callersFile{
		TLS: &serverPairFile{"server.pem", "server-key.pem"}, HealthListen: healthAddress,
		Clients: []clientFile{{
			Name: "caller", Identity: identity, RootsFile: "../" + caPath, Methods: []perspectives.Method{allMethods},
			IssuerDomains: f.issuers, Operator: true,
		}},
	}
	return who, []newFile{
		{"coordinator/server.pem", server.Certificate},
		{"coordinator/server-key.pem", server.Key},
		{"caller/client.pem", client.Certificate},
		{"caller/client-key.pem", client.Key},
	}, nil
}

// health says where a perspective answers questions about its health: nowhere if
// it shares its host, on which only one of them could.
func (f keysFlags) health() string {
	if strings.Contains(f.host, "%s") {
		return healthAddress
	}
	return ""
}

// place says at which host and port a perspective is found, and where it listens.
func (f keysFlags) place(p perspectives.Perspective, i int) (host string, port int, listen string) {
	if strings.Contains(f.host, "%s") {
		return strings.ReplaceAll(f.host, "%s", fileName(p)), int(f.port), fmt.Sprintf(":%d", f.port)
	}
	port = int(f.port) + i
	if isAddress(f.host) {
		return f.host, port, net.JoinHostPort(f.host, strconv.Itoa(port))
	}
	return f.host, port, fmt.Sprintf(":%d", port)
}

// fileName is a perspective's name as a file's.
func fileName(p perspectives.Perspective) string { return strings.ReplaceAll(p.Name, "/", "-") }

func asJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return out.Bytes(), err
}

// writeNew makes a folder with files that only their owner may read: all of it or
// nothing. It refuses a folder that holds anything.
func writeNew(dir string, files []newFile) (err error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("-o: %s is not empty: keys are never overwritten", dir)
	}
	dir = filepath.Clean(dir)
	draft, err := os.MkdirTemp(filepath.Dir(dir), ".keys-*")
	if err != nil {
		return fmt.Errorf("-o: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("-o: %w", err), os.RemoveAll(draft))
		}
	}()
	for _, f := range files {
		path := filepath.Join(draft, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.data, 0o600); err != nil {
			return err
		}
	}
	return os.Rename(draft, dir) // refused if somebody has put something there
}
