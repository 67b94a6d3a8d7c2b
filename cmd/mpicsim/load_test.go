package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	. "github.com/onsi/gomega"
)

// loadClient is a CA that asks a coordinator, on connections that it keeps.
type loadClient struct {
	url  string
	http http.Client
}

func newLoadClient(url string) *loadClient {
	return &loadClient{url: url, http: http.Client{
		Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 1000, DialContext: (&net.Dialer{}).DialContext},
	}}
}

// check asks for check n: an http-01 validation of a name of its own. The error
// says why it is not valid with all five remotes corroborating.
func (c *loadClient) check(n int64) error {
	body := fmt.Appendf(nil, `{"check_type":"dcv","domain_or_ip_target":"host-%d.example.test","dcv_check_parameters":`+
		`{"validation_method":"acme-http-01","token":%q,"key_authorization":%q}}`, n, challengeToken, challengeToken+"."+thumbprint)
	response, err := c.http.Post(c.url+"/mpic", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var a mpicAnswer
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	if a.IsValid == nil || !*a.IsValid {
		return fmt.Errorf("check %d is not valid: status %d, %s", n, response.StatusCode, text)
	}
	for _, p := range a.Perspectives {
		if !p.Response.Passed {
			return fmt.Errorf("check %d: %s does not corroborate: %s", n, p.Code, text)
		}
	}
	return nil
}

// load makes checks, so many at a time, and returns how long each took, sorted.
func (c *loadClient) load(checks, clients int) ([]time.Duration, error) {
	took := make([]time.Duration, checks)
	errs := make([]error, clients)
	var next atomic.Int64
	var asking sync.WaitGroup
	for i := range clients {
		asking.Go(func() {
			for n := next.Add(1); n <= int64(checks) && errs[i] == nil; n = next.Add(1) {
				started := time.Now()
				errs[i] = c.check(n)
				took[n-1] = time.Since(started)
			}
		})
	}
	asking.Wait()
	slices.Sort(took)
	return took, errors.Join(errs...)
}

// sample is what a process says about itself.
type sample struct {
	residentMB, liveMB, cpuSeconds float64
	goroutines, files              int
}

// measure asks a process for its metrics. What lives on its heap follows from
// when it wants to collect garbage again.
func measure(g *WithT, url string) sample {
	response, err := http.Get(url + "/metrics")
	g.Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	values := map[string]float64{}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok {
			values[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	g.Expect(lines.Err()).NotTo(HaveOccurred())
	g.Expect(values).To(HaveKey("go_goroutines"))
	return sample{
		residentMB: values["process_resident_memory_bytes"] / 1e6,
		liveMB:     values["go_memstats_next_gc_bytes"] / (1 + gcPercent/100.) / 1e6,
		cpuSeconds: values["process_cpu_seconds_total"],
		goroutines: int(values["go_goroutines"]), files: int(values["process_open_fds"]),
	}
}

// measureAll measures the coordinator, then the perspectives.
func (d *deployment) measureAll() []sample {
	samples := []sample{measure(d.g, d.url)}
	for _, p := range d.perspectives {
		samples = append(samples, measure(d.g, p.health))
	}
	return samples
}

// TestLoad: after some hundred checks no process holds more than after the first
// few: no goroutine, no file, no memory that grows with the number of checks.
func TestLoad(t *testing.T) {
	const warm, checks, clients = 200, 600, 16
	d := deploy(t, serveTargets(t, false))
	client := newLoadClient(d.url)
	_, err := client.load(warm, clients)
	d.g.Expect(err).NotTo(HaveOccurred())
	before := d.measureAll()
	started := time.Now()
	took, err := client.load(checks, clients)
	d.g.Expect(err).NotTo(HaveOccurred())
	t.Logf("%d checks by %d clients: %.0f/s, median %v", checks, clients, checks/time.Since(started).Seconds(), took[len(took)/2])
	after := d.measureAll()
	for i, b := range before {
		a := after[i]
		// One connection is two goroutines and a file. Which of those that are kept
		// are open is a matter of when the samples were taken.
		d.g.Expect(a.goroutines).To(BeNumerically("<=", b.goroutines+2*clients), "goroutines of process %d: %+v, then %+v", i, b, a)
		d.g.Expect(a.files).To(BeNumerically("<=", b.files+clients), "files of process %d: %+v, then %+v", i, b, a)
		// 3 MB is 5 kB for each check. What is resident says less: it follows when
		// garbage was collected last.
		d.g.Expect(a.liveMB).To(BeNumerically("<", b.liveMB+3), "memory of process %d: %+v, then %+v", i, b, a)
	}
}

// BenchmarkLoad checks names over HTTP by a coordinator with the primary and five
// remotes, each a process of its own, over mutual TLS on the loopback; the name
// servers and the web server they look at are in this process, as are the clients
// (32, or $CLIENTS). An operation is a whole check; a corroboration is what one of
// its six perspectives does: DNS from the root, then HTTP. `make load` runs it for
// long and shows what the processes hold meanwhile.
func BenchmarkLoad(b *testing.B) {
	clients := 32
	if text := os.Getenv("CLIENTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			b.Fatalf("CLIENTS: found %q, expected 1 or more", text)
		}
		clients = n
	}
	for _, zones := range []string{"signed", "unsigned"} {
		b.Run("zones="+zones, func(b *testing.B) { benchmarkLoad(b, zones == "signed", clients) })
	}
}

func benchmarkLoad(b *testing.B, signed bool, clients int) {
	d := deploy(b, serveTargets(b, signed))
	client := newLoadClient(d.url)
	_, err := client.load(20*clients, clients)
	d.g.Expect(err).NotTo(HaveOccurred())
	before := d.measureAll()
	var took []time.Duration
	var table bytes.Buffer
	out := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "checks\tper second\tp50\tp99\tcoordinator MB\tits heap\tgoroutines\tfiles\tperspectives MB\ttheir heaps\tgoroutines\tfiles\t")
	const parts = 10
	b.ResetTimer()
	for i := range parts {
		n := b.N*(i+1)/parts - b.N*i/parts
		started := time.Now()
		part, err := client.load(n, clients)
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, part...)
		if n > 0 {
			showSamples(out, len(took), float64(n)/time.Since(started).Seconds(), part, d.measureAll())
		}
	}
	b.StopTimer()
	slices.Sort(took)
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "checks/s")
	b.ReportMetric(6*rate, "corroborations/s")
	b.ReportMetric(float64(percentile(took, 50).Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(percentile(took, 99).Microseconds())/1000, "p99-ms")
	after := d.measureAll()
	perCheck := func(i int) float64 { return 1000 * (after[i].cpuSeconds - before[i].cpuSeconds) / float64(b.N) }
	b.ReportMetric(perCheck(0), "coordinator-cpu-ms/op")
	b.ReportMetric(perCheck(1), "perspective-cpu-ms/op")
	if b.N < 1000 {
		return
	}
	_ = out.Flush()
	b.Logf("%d checks of acme-http-01 by %d clients, zones signed: %v, %d CPUs, load average before: %s\n%s",
		b.N, clients, signed, runtime.NumCPU(), loadAverage(), table.String())
}

func showSamples(out io.Writer, done int, rate float64, took []time.Duration, samples []sample) {
	each := func(value func(sample) string) string {
		var texts []string
		for _, s := range samples[1:] {
			texts = append(texts, value(s))
		}
		return strings.Join(texts, " ")
	}
	c := samples[0]
	fmt.Fprintf(out, "%d\t%.0f\t%.1fms\t%.1fms\t%.0f\t%.1f\t%d\t%d\t%s\t%s\t%s\t%s\t\n", done, rate,
		float64(percentile(took, 50).Microseconds())/1000, float64(percentile(took, 99).Microseconds())/1000,
		c.residentMB, c.liveMB, c.goroutines, c.files,
		each(func(s sample) string { return fmt.Sprintf("%.0f", s.residentMB) }),
		each(func(s sample) string { return fmt.Sprintf("%.1f", s.liveMB) }),
		each(func(s sample) string { return strconv.Itoa(s.goroutines) }),
		each(func(s sample) string { return strconv.Itoa(s.files) }))
}

// percentile returns the nearest-rank percentile of sorted durations.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// loadAverage is what the machine has to do besides.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}
