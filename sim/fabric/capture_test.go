package fabric_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The capture", func() {
	var file []byte
	var packets int

	BeforeEach(func() {
		w := newLine(0, true)
		for _, addr := range []netip.Addr{serverAddr, serverAddr6} {
			serveHTTP(w.server, addr, 80, nil)
			Expect(fetch(w.client.NewSession(time.Second), "http://"+netip.AddrPortFrom(addr, 80).String()+"/")).To(Equal("server"))
			_, err := w.client.Traceroute(context.Background(), addr, 0)
			Expect(err).NotTo(HaveOccurred())
		}
		var buf bytes.Buffer
		var err error
		packets, err = w.WriteCapture(&buf)
		Expect(err).NotTo(HaveOccurred())
		file = buf.Bytes()
	})

	It("has an interface for each host, named after it, packets in order of time, and correct checksums", func() {
		r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.NgReaderOptions{})
		Expect(err).NotTo(HaveOccurred())
		n := 0
		var last time.Time
		for {
			data, info, err := r.ReadPacketData()
			if errors.Is(err, io.EOF) {
				break
			}
			Expect(err).NotTo(HaveOccurred())
			Expect(info.Timestamp.Before(last)).To(BeFalse(), "packet %d is out of order", n)
			last = info.Timestamp
			n++
			expectChecksums(data)
		}
		Expect(n).To(Equal(packets))
		var names []string
		for i := range r.NInterfaces() {
			face, err := r.Interface(i)
			Expect(err).NotTo(HaveOccurred())
			names = append(names, face.Name)
		}
		Expect(names).To(Equal([]string{"client", "server", "attacker"}))
	})

	DescribeTable("is read without a warning", func(tool string, args ...string) {
		path, err := exec.LookPath(tool)
		if err != nil {
			Skip("SKIPPED: " + tool + " is not installed (Debian package of the same name)")
		}
		name := filepath.Join(GinkgoT().TempDir(), "x.pcapng")
		Expect(os.WriteFile(name, file, 0o644)).To(Succeed())
		var stdout, stderr bytes.Buffer
		cmd := exec.Command(path, append(args, "-r", name)...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		Expect(cmd.Run()).To(Succeed(), stderr.String())
		Expect(strings.Count(stdout.String(), "\n")).To(Equal(packets))
		for line := range strings.Lines(stderr.String()) {
			Expect(line).To(Or(HavePrefix("reading from file"), HavePrefix("Running as user"), Equal("\n")))
		}
		Expect(stdout.String()).NotTo(ContainSubstring("[Malformed"))
	},
		Entry("by tshark", "tshark", "-n", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"),
		Entry("by tcpdump", "tcpdump", "-n"),
	)

	It("does not exist without being asked for", func() {
		_, err := newLine(0, false).WriteCapture(io.Discard)
		Expect(err).To(MatchError(ContainSubstring("nothing was captured")))
	})
})

// expectChecksums serialises a frame's headers again and compares.
func expectChecksums(frame []byte) {
	GinkgoHelper()
	p := gopacket.NewPacket(frame, layers.LinkTypeEthernet, gopacket.Default)
	Expect(p.ErrorLayer()).To(BeNil())
	network := p.NetworkLayer()
	var again []gopacket.SerializableLayer
	for _, l := range p.Layers() {
		if l.LayerType() == layers.LayerTypeEthernet {
			continue
		}
		if tcp, ok := l.(*layers.TCP); ok {
			Expect(tcp.SetNetworkLayerForChecksum(network)).To(Succeed())
		}
		if udp, ok := l.(*layers.UDP); ok {
			Expect(udp.SetNetworkLayerForChecksum(network)).To(Succeed())
		}
		if icmp, ok := l.(*layers.ICMPv6); ok {
			Expect(icmp.SetNetworkLayerForChecksum(network)).To(Succeed())
		}
		if s, ok := l.(gopacket.SerializableLayer); ok {
			again = append(again, s)
			continue
		}
		again = append(again, gopacket.Payload(l.LayerContents()))
	}
	buf := gopacket.NewSerializeBuffer()
	Expect(gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: true}, again...)).To(Succeed())
	Expect(frame[14:]).To(Equal(buf.Bytes()))
}
