package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"mpicsim/perspectives/access"
	"mpicsim/perspectives/remote"
)

// apiKeyFlags are those of `keys api`.
type apiKeyFlags struct {
	file, client string
	days         int
}

func newKeysAPICommand(s streams) *cobra.Command {
	var f apiKeyFlags
	cmd := &cobra.Command{
		Use:   "api",
		Short: "Make an API key for a caller of the coordinator",
		Long: `Api makes an API key with 256 random bits, adds its SHA-256 digest to the file of the
coordinator's api_keys_file under the name of a client, and prints the key, which is
kept nowhere. The file is made if it does not exist, with mode 0600. A client may have
several keys, so that one can follow another; take an entry out of the file to end a
key. A running coordinator notices.

Callers send the key in the header x-api-key. The key's name in records and logs is
the first 16 digits of its digest.`,
		Example: `  mpicsim keys api --client ra --file pki/coordinator/api-keys.json > ra.key
  mpicsim check --url http://127.0.0.1:8000 --api-key-file ra.key --domain example.com`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			secret, kept, err := f.add(time.Now())
			if err != nil {
				return err
			}
			s.notef("%s: API key %s of %q\n", f.file, kept.ID(), f.client)
			_, err = fmt.Fprintln(s.out, secret)
			return fault(err)
		},
	}
	cmd.Flags().StringVar(&f.file, "file", "", "JSON `FILE` to add the digest to; required")
	cmd.Flags().StringVar(&f.client, "client", "", "`NAME` of the client in the coordinator's configuration; required")
	cmd.Flags().IntVar(&f.days, "days", 0, "how many `DAYS` the key is valid; 0 for ever")
	cmd.Flags().SortFlags = false
	return cmd
}

// add makes a key and puts its digest into the file: all of it, or nothing changes.
func (f apiKeyFlags) add(now time.Time) (string, access.Key, error) {
	var none access.Key
	switch {
	case f.file == "":
		return "", none, errors.New("--file: missing: want the file of api_keys_file")
	case f.client == "":
		return "", none, errors.New("--client: missing: want the name of a client")
	case f.days < 0 || f.days > 3650:
		return "", none, fmt.Errorf("--days: found %d, expected 0 to 3650", f.days)
	}
	var file access.KeysFile
	mode := os.FileMode(0o600)
	switch info, err := os.Stat(f.file); {
	case err == nil:
		if _, err := (access.Secrets{GroupReadable: true}).Read(f.file); err != nil {
			return "", none, fmt.Errorf("--file: %w", err)
		}
		if err := remote.ReadJSON(f.file, &file); err != nil {
			return "", none, fmt.Errorf("--file: %w", err)
		}
		mode = info.Mode().Perm()
	case !errors.Is(err, os.ErrNotExist):
		return "", none, fmt.Errorf("--file: %w", err)
	}
	secret, kept := access.NewKey()
	entry := access.KeyEntry{Client: f.client, SHA256: hex.EncodeToString(kept.SHA256[:]), Created: now.UTC().Truncate(time.Second)}
	if f.days > 0 {
		entry.NotAfter = entry.Created.AddDate(0, 0, f.days)
	}
	file.Keys = append(file.Keys, entry)
	if _, err := file.ByClient(); err != nil {
		return "", none, fmt.Errorf("--file: %s: %w", f.file, err)
	}
	text, err := asJSON(file)
	if err != nil {
		return "", none, fault(err)
	}
	if err := replaceFile(f.file, text, mode); err != nil {
		return "", none, fmt.Errorf("--file: %w", err)
	}
	return secret, kept, nil
}

// replaceFile puts a file in place whole.
func replaceFile(path string, data []byte, mode os.FileMode) error {
	draft, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = draft.Write(data)
	if err == nil {
		err = draft.Chmod(mode)
	}
	if err = errors.Join(err, draft.Sync(), draft.Close()); err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	return nil
}
