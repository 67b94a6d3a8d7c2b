package openmpic

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/costtest"
	"mpicsim/perspectives/resolver"
)

// FuzzDraftRequest: no body of the draft makes the decoder panic; what is understood
// is a check that the coordinator takes or says why not, about what the body names.
func FuzzDraftRequest(f *testing.F) {
	for _, body := range []string{
		`{"method":"caa","domain":"example.com"}`, `{"method":"caa"}`, `{"method":"http-acme","domain_or_ip":"192.0.2.1","token":"T","key_authorization":"T.thumb"}`,
		`{"method":"dns","domain":"example.com","record-type":"txt","expected":"v","prefix":"_dcv.","caa-check":false}`,
		`{"method":"dns","domain":"example.com","record_type":"CNAME","expected":"v.","caa":true,"caa_check":false}`,
		`{"method":"dns","record-type":"A","record_type":"A","expected":"v"}`, `{"method":7}`, `[]`, ``, `{"method":"x\u0000"}`, `{"domain":"` + strings.Repeat("a.", 200) + `"}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var d draftRequest
		var err error
		costtest.AtMost(t, costtest.Cost{CPU: 300 * time.Millisecond, Allocated: 2<<20 + 256*uint64(len(body))}, func() {
			d = draftRequest{}
			err = decode(strings.NewReader(body), &d)
		})
		if err != nil {
			return
		}
		check, err := d.check([]string{"ca.example"})
		if err != nil {
			if _, invalid := errors.AsType[invalidError](err); !invalid {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if check.Domain == "" || !check.Questions.Known() || check.Questions.DCV() != (d.Method != "caa") {
			t.Fatalf("%q: %+v", body, check)
		}
		normal, err := coordinator.NormalizeCheck(check)
		if err == nil && normal.Questions.DCV() && !normal.Method.Known() || err != nil && !errors.Is(err, coordinator.ErrBadCheck) {
			t.Fatalf("%q: %+v, %v", body, normal, err)
		}
	})
}

// FuzzCAAWire: the data of a CAA record comes back from its text as it was on the
// wire; a perspective that says something else is not followed into a panic.
func FuzzCAAWire(f *testing.F) {
	for _, s := range []string{"issue", "ca.example; accounturi=https://ca.example/1", ";", "", "a\"b\\c\n\x00\xff", "\\032", "\\", "0", "\x7f"} {
		f.Add(uint8(128), "iodef", s)
		f.Add(uint8(0), s, s)
	}
	f.Fuzz(func(t *testing.T, flag uint8, tag, value string) {
		_, _ = caaWire(tag + " " + value)
		_, _ = caaWire(value)
		sent := append([]byte{flag, byte(len(tag))}, tag+value...)
		if len(tag) > 255 || len(sent) > 4096 {
			return
		}
		header := []byte{0, 1, 1, 0, 1, 0, 0, 0, 0, byte(len(sent) >> 8), byte(len(sent))}
		unpacked, _, err := dns.UnpackRR(append(header, sent...), 0)
		if err != nil {
			return
		}
		read, ok := unpacked.(*dns.CAA)
		if !ok {
			t.Fatalf("%v is no CAA record", unpacked)
		}
		if !regexp.MustCompile(`^[A-Za-z0-9]+$`).MatchString(tag) {
			return // RFC 8659 4.1: no other tag may be sent
		}
		record := resolver.Data(read)
		if wire, ok := caaWire(record); !ok || !bytes.Equal(wire, sent) {
			t.Fatalf("%x is written as %s and read as %x, %t", sent, record, wire, ok)
		}
	})
}
