package dcv_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestDCV(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "DCV")
}
