package attack_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestAttacks(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "sim/attack")
}
