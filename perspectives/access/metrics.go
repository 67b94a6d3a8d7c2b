package access

import "github.com/prometheus/client_golang/prometheus"

// Collectors returns the metrics of an [Admission], whose names begin with prefix:
// how many connections there are, by who has them, and how many were closed to make
// room for others. connections is [Admission.Connections].
func Collectors(prefix string, connections func() (open, strangers int, closed Closed)) []prometheus.Collector {
	gauge := func(owner string, value func(open, strangers int) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "_connections", Help: "Open connections, by owner: a client, or somebody who is not known yet.",
			ConstLabels: prometheus.Labels{"owner": owner},
		}, func() float64 {
			open, strangers, _ := connections()
			return float64(value(open, strangers))
		})
	}
	counter := func(kind string, value func(Closed) uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: prefix + "_connections_closed_total", Help: "Connections that were closed because there was no room, by kind.",
			ConstLabels: prometheus.Labels{"kind": kind},
		}, func() float64 {
			_, _, closed := connections()
			return float64(value(closed))
		})
	}
	return []prometheus.Collector{
		gauge("client", func(open, strangers int) int { return open - strangers }),
		gauge("unknown", func(_, strangers int) int { return strangers }),
		counter("stranger", func(c Closed) uint64 { return c.Strangers }),
		counter("idle", func(c Closed) uint64 { return c.Idle }),
		counter("refused", func(c Closed) uint64 { return c.Refused }),
	}
}
