package table

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// wrap breaks prose at blanks so that lines are no longer than width where words
// allow. The first line starts with first, the others with rest.
func wrap(prose string, width int, first, rest string) string {
	var b strings.Builder
	line, words := first, 0
	for word := range strings.FieldsSeq(prose) {
		if words > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			b.WriteString(line)
			b.WriteByte('\n')
			line, words = rest, 0
		}
		if words > 0 {
			line += " "
		}
		line += word
		words++
	}
	b.WriteString(line)
	return b.String()
}

// thousands groups digits: 78643 is "78,643".
func thousands(n int) string {
	digits := strconv.Itoa(n)
	if n < 0 {
		return digits
	}
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, parts...), ",")
}

// indent shifts a block of text.
func indent(block string) string {
	return "  " + strings.ReplaceAll(block, "\n", "\n  ")
}

// trimLines takes blanks off the ends of lines.
func trimLines(block string) string {
	lines := strings.Split(block, "\n")
	for n := range lines {
		lines[n] = strings.TrimRight(lines[n], " ")
	}
	return strings.Join(lines, "\n")
}
