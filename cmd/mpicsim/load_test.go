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

// loadRun is what came of many checks.
type loadRun struct {
	took    []time.Duration // sorted
	elapsed time.Duration
	samples [][]sample // after each tenth: coordinator, perspectives
	table   string
}

const tenths = 10

// runLoad makes checks after some that do not count.
func (d *deployment) runLoad(checks, clients int) loadRun {
	d.tb.Helper()
	client := newLoadClient(d.url)
	_, err := client.load(10*clients, clients)
	d.g.Expect(err).NotTo(HaveOccurred())
	var run loadRun
	var table bytes.Buffer
	out := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "checks\tper second\tp50\tp99\tcoordinator MB\theap\tgoroutines\tfiles\tperspectives MB\theaps\tgoroutines\tfiles\t")
	for i := range tenths {
		n := checks*(i+1)/tenths - checks*i/tenths
		started := time.Now()
		took, err := client.load(n, clients)
		elapsed := time.Since(started)
		d.g.Expect(err).NotTo(HaveOccurred())
		run.took, run.elapsed = append(run.took, took...), run.elapsed+elapsed
		run.samples = append(run.samples, d.measureAll())
		if n > 0 {
			showSamples(out, len(run.took), float64(n)/elapsed.Seconds(), took, run.samples[i])
		}
	}
	slices.Sort(run.took)
	_ = out.Flush()
	run.table = table.String()
	return run
}

// rate is in checks a second.
func (r loadRun) rate() float64 { return float64(len(r.took)) / r.elapsed.Seconds() }

// cpu is in milliseconds for each check, of process i, over nine of ten tenths.
func (r loadRun) cpu(i int) float64 {
	seconds := r.samples[tenths-1][i].cpuSeconds - r.samples[0][i].cpuSeconds
	return 1000 * seconds / (float64(len(r.took)) * (tenths - 1) / tenths)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// fromEnvironment reads a number of 1 or more.
func fromEnvironment(tb testing.TB, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		tb.Fatalf("%s: found %q, expected 1 or more", name, text)
	}
	return n
}

// TestLoad checks names over HTTP by a coordinator with the primary and five
// remotes, each a process of its own, over mutual TLS on the loopback, with an
// audit log that every record has reached (fsync) before the answer. The name
// servers and the web server that they look at are in this process, as are the
// clients. After 600 checks (or $CHECKS, by $CLIENTS at a time; `make load` makes
// 100,000) no process holds more than after the first 180: no goroutine, no file,
// no memory that grows with the number of checks. $SIGNED=1 signs the zones.
func TestLoad(t *testing.T) {
	checks, clients := fromEnvironment(t, "CHECKS", 600), fromEnvironment(t, "CLIENTS", 16)
	signed := os.Getenv("SIGNED") != ""
	d := deploy(t, serveTargets(t, signed), "--audit", t.TempDir())
	busy := loadAverage()
	run := d.runLoad(checks, clients)
	t.Logf(`%d checks by acme-http-01, %d at a time, root, top level and zone signed: %v; %d CPUs, %s, load average at the start: %s
%.0f checks a second, each with the primary and five remotes: %.0f corroborations (DNS from the root, then HTTP) a second
p50 %.1f ms, p99 %.1f ms; CPU for each check: coordinator with the primary %.2f ms, a remote %.2f ms
heap is what lives on it, in MB
%s`, checks, clients, signed, runtime.NumCPU(), runtime.Version(), busy, run.rate(), 6*run.rate(),
		milliseconds(percentile(run.took, 50)), milliseconds(percentile(run.took, 99)), run.cpu(0), run.cpu(1), run.table)
	for i, b := range run.samples[2] {
		a := run.samples[tenths-1][i]
		// One connection is two goroutines and a file. Which of those that are kept
		// are open is a matter of when the samples were taken.
		d.g.Expect(a.goroutines).To(BeNumerically("<=", b.goroutines+2*clients), "goroutines of process %d: %+v, then %+v", i, b, a)
		d.g.Expect(a.files).To(BeNumerically("<=", b.files+clients), "files of process %d: %+v, then %+v", i, b, a)
		// What is resident says less: it follows when garbage was collected last.
		d.g.Expect(a.liveMB).To(BeNumerically("<", b.liveMB+8), "memory of process %d: %+v, then %+v", i, b, a)
	}
}

// BenchmarkLoad is TestLoad's deployment with 32 checks at a time: an operation is
// a whole check, a corroboration is what one of its six perspectives does.
func BenchmarkLoad(b *testing.B) {
	for _, zones := range []string{"signed", "unsigned"} {
		b.Run("zones="+zones, func(b *testing.B) {
			d := deploy(b, serveTargets(b, zones == "signed"), "--audit", b.TempDir())
			run := d.runLoad(max(b.N, 100), 32)
			b.ReportMetric(float64(run.elapsed.Nanoseconds())/float64(len(run.took)), "ns/op")
			b.ReportMetric(run.rate(), "checks/s")
			b.ReportMetric(6*run.rate(), "corroborations/s")
			b.ReportMetric(milliseconds(percentile(run.took, 50)), "p50-ms")
			b.ReportMetric(milliseconds(percentile(run.took, 99)), "p99-ms")
			b.ReportMetric(run.cpu(0), "coordinator-cpu-ms/op")
			b.ReportMetric(run.cpu(1), "perspective-cpu-ms/op")
		})
	}
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
		milliseconds(percentile(took, 50)), milliseconds(percentile(took, 99)),
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
