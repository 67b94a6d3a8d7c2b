package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// maxSecret bounds what is read of a file with secrets, in octets.
const maxSecret = 1 << 20

// Secrets reads files that hold private keys, API keys and the like. The zero value
// is the strict one.
type Secrets struct {
	// GroupReadable accepts files that their group may read, as orchestrators make
	// them for a process that is not their owner.
	GroupReadable bool
}

// Read returns the contents of a regular file that others may neither read nor
// write. The mode is that of the file which is read, after links. On Windows, where
// modes say nothing about it, every regular file will do.
func (s Secrets) Read(path string) ([]byte, error) {
	// What is no file would make Open wait, or be read once only.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: found %v, expected a regular file", path, info.Mode())
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if err := s.judge(info.Mode().Perm()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSecret {
		return nil, fmt.Errorf("%s: expected at most %d octets", path, maxSecret)
	}
	return data, nil
}

// judge returns what is wrong with a mode.
func (s Secrets) judge(mode os.FileMode) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	allowed, most := os.FileMode(0o700), "0600"
	if s.GroupReadable {
		allowed, most = 0o750, "0640"
	}
	if mode&^allowed == 0 {
		return nil
	}
	whom, hint := "others", ""
	if mode&0o007 == 0 {
		whom = "its group"
		if mode&^0o750 == 0 {
			hint = ", or secrets_group_readable in the configuration"
		}
	}
	return fmt.Errorf("mode: found %#o, which %s can use, expected %s at most%s", mode, whom, most, hint)
}

// KeyPair reads a certificate with its chain, and the private key for it, both in
// PEM. The certificate must be valid at now.
func (s Secrets) KeyPair(certificate, key string, now time.Time) (tls.Certificate, error) {
	public, err := os.ReadFile(certificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	private, err := s.Read(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(public, private)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s, %s: %w", certificate, key, err)
	}
	if err := ValidAt(pair, now); err != nil {
		return tls.Certificate{}, fmt.Errorf("%s: %w", certificate, err)
	}
	return pair, nil
}

// ValidAt returns an error if a certificate has not begun or has ended at a time.
func ValidAt(pair tls.Certificate, now time.Time) error {
	leaf := pair.Leaf
	if leaf == nil {
		if len(pair.Certificate) == 0 {
			return errors.New("expected a certificate")
		}
		var err error
		if leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return err
		}
	}
	const form = time.RFC3339
	switch {
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("not yet valid: notBefore: found %s, expected %s or earlier", leaf.NotBefore.Format(form), now.UTC().Format(form))
	case now.After(leaf.NotAfter):
		return fmt.Errorf("expired: notAfter: found %s, expected %s or later", leaf.NotAfter.Format(form), now.UTC().Format(form))
	}
	return nil
}
