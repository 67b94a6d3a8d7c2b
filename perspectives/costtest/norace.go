//go:build !race

package costtest

const cpuSlack, allocationSlack = 1, 1
