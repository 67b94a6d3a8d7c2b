package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"mpicsim/perspectives/access"
	"mpicsim/perspectives/remote"
)

// clientFlags are those of commands that ask a coordinator: how it is known, and by
// what the caller is.
type clientFlags struct {
	roots, certificate, key, keyFile string
}

func (f *clientFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.roots, "cacert", "", "PEM `FILE` with the CAs of the service's certificate, instead of the system's")
	flags.StringVar(&f.certificate, "cert", "", "PEM `FILE` with the client certificate to show, with --key")
	flags.StringVar(&f.key, "key", "", "PEM `FILE` with the private key of --cert")
	flags.StringVar(&f.keyFile, "api-key-file", "", "`FILE` with the API key to send as x-api-key")
}

// given reports whether any flag is.
func (f clientFlags) given() bool { return f != clientFlags{} }

// header returns the header of the API key, if there is one.
func (f clientFlags) header() (http.Header, error) {
	h := http.Header{}
	if f.keyFile == "" {
		return h, nil
	}
	text, err := access.Secrets{}.Read(f.keyFile)
	if err != nil {
		return nil, fmt.Errorf("--api-key-file: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" || strings.ContainsAny(key, " \t\r\n") {
		return nil, fmt.Errorf("--api-key-file: %s: expected one API key", f.keyFile)
	}
	h.Set("X-Api-Key", key)
	return h, nil
}

// client returns an HTTP client. It follows no redirect: what it sends is for the
// service alone.
func (f clientFlags) client(timeout time.Duration) (*http.Client, error) {
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.roots != "" {
		roots, err := remote.ReadCertificates(f.roots)
		if err != nil {
			return nil, fmt.Errorf("--cacert: %w", err)
		}
		secure.RootCAs = x509.NewCertPool()
		for _, r := range roots {
			secure.RootCAs.AddCert(r)
		}
	}
	if (f.certificate == "") != (f.key == "") {
		return nil, errors.New("--cert, --key: want both or none")
	}
	if f.certificate != "" {
		pair, err := access.Secrets{}.KeyPair(f.certificate, f.key, time.Now())
		if err != nil {
			return nil, fmt.Errorf("--cert, --key: %w", err)
		}
		secure.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 100},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
