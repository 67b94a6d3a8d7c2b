package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// keyPrefix begins the API keys that [NewKey] makes, so that scanners for secrets
// that were published by mistake know them.
const keyPrefix = "mpicsim_"

// maxKeys bounds the keys of a file: each is compared for each request.
const maxKeys = 10_000

// Key is what is kept of an API key. The keys of NewKey have 256 random bits, for
// which a plain digest is as good as a slow one: there is nothing to guess.
type Key struct {
	SHA256 [sha256.Size]byte
	// NotAfter ends the key, zero for never.
	NotAfter time.Time
}

// ID names the key in records and logs: the first 16 hexadecimal digits of its
// digest.
func (k Key) ID() string { return shortDigest(k.SHA256) }

// NewKey returns a new API key and what to keep of it.
func NewKey() (secret string, kept Key) {
	secret = keyPrefix + rand.Text() + rand.Text()
	return secret, Key{SHA256: digest([]byte(secret))}
}

// KeysFile is the API keys of a service's clients, a JSON file.
type KeysFile struct {
	Keys []KeyEntry `json:"keys"`
}

// KeyEntry is one API key in a [KeysFile].
type KeyEntry struct {
	// Client is the name of a client.
	Client string `json:"client"`
	// SHA256 is the digest of the octets of the key, in hexadecimal.
	SHA256 string `json:"sha256"`
	// Created is for people; NotAfter ends the key.
	Created  time.Time `json:"created,omitzero"`
	NotAfter time.Time `json:"not_after,omitzero"`
}

// ByClient returns the keys of each client, by name. The error names the field.
func (f KeysFile) ByClient() (map[string][]Key, error) {
	if len(f.Keys) > maxKeys {
		return nil, fmt.Errorf("keys: found %d, expected at most %d", len(f.Keys), maxKeys)
	}
	keys := map[string][]Key{}
	for i, e := range f.Keys {
		octets, err := hex.DecodeString(e.SHA256)
		switch {
		case e.Client == "":
			return nil, fmt.Errorf("keys[%d].client: missing", i)
		case err != nil || len(octets) != sha256.Size:
			return nil, fmt.Errorf("keys[%d].sha256: found %q, expected 64 hexadecimal digits", i, e.SHA256)
		}
		k := Key{NotAfter: e.NotAfter}
		copy(k.SHA256[:], octets)
		keys[e.Client] = append(keys[e.Client], k)
	}
	return keys, nil
}

func digest(data []byte) [sha256.Size]byte { return sha256.Sum256(data) }

func shortDigest(d [sha256.Size]byte) string { return hex.EncodeToString(d[:8]) }
