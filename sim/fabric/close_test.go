package fabric_test

import (
	"io"
	"net/netip"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("Closing a network", func() {
	It("while hosts are sending to each other ends all connections and harms nothing", func(ctx SpecContext) {
		// Hosts are closed one after the other: the later ones still send to those
		// that are gone. Many rounds, because it is a matter of moments.
		for range 40 {
			l := newLine(0, false)
			listener, err := l.server.Listen(ctx, "tcp", netip.AddrPortFrom(serverAddr, 80).String())
			Expect(err).NotTo(HaveOccurred())
			go func() {
				for {
					c, err := listener.Accept()
					if err != nil {
						return
					}
					go func() {
						_, _ = io.Copy(c, c)
						_ = c.Close()
					}()
				}
			}()
			var clients, warm sync.WaitGroup
			for range 8 {
				clients.Add(1)
				warm.Add(1)
				go func() {
					defer GinkgoRecover()
					defer clients.Done()
					c, err := l.client.NewSession(0).DialContext(ctx, "tcp", netip.AddrPortFrom(serverAddr, 80).String())
					Expect(err).NotTo(HaveOccurred())
					defer c.Close() //nolint:errcheck // the network is gone
					Expect(c.SetDeadline(time.Now().Add(10 * time.Second))).To(Succeed())
					buf := make([]byte, 512)
					for n := 0; ; n++ {
						if n == 3 {
							warm.Done()
						}
						if _, err := c.Write(buf); err != nil {
							return
						}
						if _, err := io.ReadFull(c, buf); err != nil {
							return
						}
					}
				}()
			}
			warm.Wait()
			l.Close()
			clients.Wait()
		}
	}, SpecTimeout(2*time.Minute))
})
