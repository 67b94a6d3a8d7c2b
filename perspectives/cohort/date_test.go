package cohort

import (
	"time"

	"mpicsim/perspectives/policy"
)

// mustDate is for dates written in tests.
func mustDate(s string) time.Time {
	d, err := policy.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}
