package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"mpicsim/perspectives/audit"
)

// This file finds out before a service starts what would keep it from starting,
// and changes nothing: no file is made, no port that was asked for is bound.

// checkListen returns an error if an address has no port, or is none that this
// machine can listen on. Whether the port is free is not known: --check is for
// configurations of services that run as well.
func checkListen(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("found %q, expected HOST:PORT, such as 127.0.0.1:8000 or :8443", address)
	}
	if _, err := net.DefaultResolver.LookupPort(ctx, "tcp", port); port == "" || err != nil {
		return fmt.Errorf("found %q, expected a port from 0 to 65535 behind the host", address)
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return nil // a name, which is looked up when it is listened on
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return fmt.Errorf("found %q, expected an address of this machine: %w", address, err)
	}
	return listener.Close()
}

// checkHealthListen is checkListen for what only this machine may reach, and must
// not be the address of others.
func checkHealthListen(ctx context.Context, address, other string) error {
	if address == "" {
		return nil
	}
	if !isLoopback(address) {
		return fmt.Errorf("found %q, expected a loopback address with port, such as 127.0.0.1:8081: it is not protected", address)
	}
	if err := checkListen(ctx, address); err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(address)
	host, taken, err := net.SplitHostPort(other)
	if err == nil && port == taken && port != "0" && (host == "" || net.JoinHostPort(host, port) == address) {
		return fmt.Errorf("found %q, expected another port than that of %q", address, other)
	}
	return nil
}

// checkFolder returns an error if files cannot be made in a folder, which may be
// made itself.
func checkFolder(dir string) error {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case errors.Is(err, os.ErrNotExist) && at != filepath.Dir(at):
			continue
		case err != nil:
			return err
		case !info.IsDir():
			return fmt.Errorf("%s: expected a folder", at)
		}
		if err := writable(at); err != nil {
			return fmt.Errorf("%s: expected a folder to write to: %w", at, err)
		}
		return nil
	}
}

// checkAppend returns an error if a file can neither be appended to nor made.
func checkAppend(path string) error {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return checkFolder(filepath.Dir(path))
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return file.Close()
}

// checkAudit returns an error if an audit log in a folder cannot be gone on with.
func checkAudit(dir string) error {
	if err := checkFolder(dir); err != nil {
		return err
	}
	newest, err := audit.Newest(dir, "")
	if err != nil || newest == "" {
		return err
	}
	return checkAppend(newest)
}
