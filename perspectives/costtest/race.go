//go:build race

package costtest

// The race detector makes code up to twenty times as slow, and has pools drop what
// is put into them.
const cpuSlack, allocationSlack = 20, 4
