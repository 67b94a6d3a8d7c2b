package caa_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestCAA(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "CAA")
}
