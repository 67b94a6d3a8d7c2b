package access

import (
	"crypto/tls"

	"mpicsim/perspectives"
)

// TLSConfig returns the configuration of a server for clients: TLS 1.3 and HTTP/1.1.
// A client certificate, if one is shown, must be issued by a root of some client; one
// must be shown unless a client has API keys. [List.ByCertificate] says afterwards
// whose it is. Without a list no certificate is asked for.
func TLSConfig(l *List, certificate tls.Certificate, clock perspectives.Clock) *tls.Config {
	c := &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{certificate},
		Time:         clock,
		NextProtos:   []string{"http/1.1"},
		// A ticket would carry the identity over a reload.
		SessionTicketsDisabled: true,
	}
	if l != nil {
		c.ClientCAs, c.ClientAuth = l.roots, tls.RequireAndVerifyClientCert
		if l.HasKeys() {
			c.ClientAuth = tls.VerifyClientCertIfGiven
		}
	}
	return c
}
