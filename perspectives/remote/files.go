package remote

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/ijson"
)

// RemotesFile is a CA's list of its remote perspectives, a JSON file. Names of
// files in it are relative to the file's folder.
type RemotesFile struct {
	// Roots is a PEM file with the CAs of the servers' certificates; Certificate
	// and Key are the client's, in PEM.
	Roots       string `json:"roots_file"`
	Certificate string `json:"certificate_file"`
	Key         string `json:"key_file"`
	// GroupReadable accepts a key file that its group may read.
	GroupReadable bool `json:"secrets_group_readable,omitempty"`
	// Primary describes the CA's primary perspective, which is not asked over the
	// protocol; nil if the file does not say.
	Primary *perspectives.Perspective `json:"primary,omitempty"`
	// Remotes are the perspectives to ask.
	Remotes []Entry `json:"remotes"`
}

// Entry is one remote perspective in a [RemotesFile].
type Entry struct {
	Perspective perspectives.Perspective `json:"perspective"`
	URL         string                   `json:"url"`
	// Address is where to connect if not to the URL's host, as "ip:port".
	Address netip.AddrPort `json:"address,omitzero"`
	// PublicKey verifies answers.
	PublicKey Base64 `json:"public_key"`
}

// ReadRemotes reads a [RemotesFile] and returns a client for each perspective.
// Clock, Network, Timeout and whatever else is the same for all of them is taken
// from like; what the file says replaces the rest. The error names file, field
// and, for JSON that is broken, the line.
func ReadRemotes(path string, like ClientConfig) (RemotesFile, []*Client, error) {
	var f RemotesFile
	if err := ReadJSON(path, &f); err != nil {
		return f, nil, err
	}
	like, err := f.credentials(filepath.Dir(path), like)
	if err != nil {
		return f, nil, fmt.Errorf("%s: %w", path, err)
	}
	var clients []*Client
	for i, r := range f.Remotes {
		c := like
		c.Perspective, c.URL, c.Address, c.Key = r.Perspective, r.URL, r.Address, ed25519.PublicKey(r.PublicKey)
		client, err := New(c)
		if err != nil {
			return f, nil, fmt.Errorf("%s: remotes[%d]: %w", path, i, err)
		}
		clients = append(clients, client)
	}
	return f, clients, nil
}

// credentials puts the files' contents in place.
func (f RemotesFile) credentials(dir string, c ClientConfig) (ClientConfig, error) {
	if c.Clock == nil {
		return c, errors.New("perspective client: Clock is required")
	}
	roots, err := ReadCertificates(in(dir, f.Roots))
	if err != nil {
		return c, fmt.Errorf("roots_file: %w", err)
	}
	c.Roots = x509.NewCertPool()
	for _, r := range roots {
		c.Roots.AddCert(r)
	}
	pair, err := access.Secrets{GroupReadable: f.GroupReadable}.KeyPair(in(dir, f.Certificate), in(dir, f.Key), c.Clock())
	if err != nil {
		return c, fmt.Errorf("certificate_file, key_file: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// in returns the path of a file that a file in dir names.
func in(dir, name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// ReadCertificates reads all certificates of a PEM file.
func ReadCertificates(path string) ([]*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all, err := ParseCertificates(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// ReadSigningKey reads the Ed25519 private key of a PEM file.
func ReadSigningKey(path string, secrets access.Secrets) (ed25519.PrivateKey, error) {
	data, err := secrets.Read(path)
	if err != nil {
		return nil, err
	}
	key, err := ParseSigningKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// maxFile bounds a configuration file, in octets.
const maxFile = 16 << 20

// ReadJSON reads a configuration file into v: one JSON object, under the rules of
// [ijson.Check], without members that v does not have. The error names the file,
// and line and column where they are known.
func ReadJSON(path string, v any) error {
	data, err := readBounded(path)
	if err != nil {
		return err
	}
	err = ijson.Decode(data, v, ijson.RefuseUnknown)
	if err == nil {
		return nil
	}
	offset := int64(0)
	if broken, ok := errors.AsType[*ijson.Error](err); ok {
		err = broken.Err
		offset = int64(broken.Offset)
		if _, ok := errors.AsType[*json.SyntaxError](err); !ok {
			offset++ // what is wrong begins there
		}
	} else if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = wrong.Offset
	} else {
		offset = int64(len(data))
	}
	line, column := position(data, offset)
	return fmt.Errorf("%s:%d:%d: %w", path, line, column, wellPut(err))
}

// readBounded reads a regular file of at most maxFile octets.
func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: found more than %d octets, expected a configuration", path, maxFile)
	}
	return data, err
}

// position returns line and column, from 1, of the octet before offset.
func position(data []byte, offset int64) (line, column int) {
	before := data[:min(max(offset, 0), int64(len(data)))]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, max(1, len(before)-1-bytes.LastIndexByte(before, '\n'))
}

// Duration is a time.Duration that JSON holds as text, such as "30s".
type Duration time.Duration

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("duration %q: expected one such as \"30s\"", text)
	}
	*d = Duration(v)
	return nil
}
