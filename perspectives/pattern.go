package perspectives

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

// The bounds of a regular expression in a check. RE2 takes time in proportion to
// the text times the program that an expression expands to, and repetitions expand
// by a factor of 1,000: 203 octets of expression can make a program of 200,000
// instructions.
const (
	// MaxRegexProgram is how many instructions an expression may expand to.
	MaxRegexProgram = 1000
	// MaxRegexWork is how many instructions times octets of text a search may
	// take: 64 KiB of text for an expression of 32 instructions. It is some 30 ms
	// on one core (BenchmarkPattern).
	MaxRegexWork = 2 << 20
)

// ErrPattern is wrapped by the errors about a regular expression that is none, or
// expands to too much.
var ErrPattern = errors.New("regular expression")

// Pattern is a regular expression whose searches are bounded. Create it with
// [CompilePattern]. It is safe for concurrent use.
type Pattern struct {
	re   *regexp.Regexp
	size int
}

// CheckPattern returns an error that wraps [ErrPattern] unless [CompilePattern]
// takes the expression. It compiles nothing: it takes some microseconds.
func CheckPattern(expression string) error {
	_, err := patternSize(expression)
	return err
}

// CompilePattern compiles a regular expression in RE2 syntax of at most [MaxRegex]
// octets that expands to at most [MaxRegexProgram] instructions.
func CompilePattern(expression string) (*Pattern, error) {
	size, err := patternSize(expression)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPattern, err)
	}
	return &Pattern{re, size}, nil
}

// String returns the expression.
func (p *Pattern) String() string { return p.re.String() }

// MaxText returns how many octets of text can be searched within [MaxRegexWork].
func (p *Pattern) MaxText() int { return MaxRegexWork / max(1, p.size) }

// Find returns where the leftmost match in text begins and ends, nil if there is
// none. It is an error if text has more than MaxText octets.
func (p *Pattern) Find(text string) ([]int, error) {
	if len(text) > p.MaxText() {
		return nil, fmt.Errorf("%w: expands to %d instructions: it can search %d octets, found %d", ErrPattern, p.size, p.MaxText(), len(text))
	}
	return p.re.FindStringIndex(text), nil
}

// patternSize parses an expression and returns how many instructions its program
// has at most.
func patternSize(expression string) (int, error) {
	if len(expression) > MaxRegex {
		return 0, fmt.Errorf("%w: found %d octets, expected at most %d", ErrPattern, len(expression), MaxRegex)
	}
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrPattern, err)
	}
	size := 2 + programSize(parsed) // fail and match
	if size > MaxRegexProgram {
		return 0, fmt.Errorf("%w: it expands to more than %d instructions", ErrPattern, MaxRegexProgram)
	}
	return size, nil
}

// programSize returns an upper bound of the instructions that an expression
// compiles to, or more than MaxRegexProgram for all that are too many: repetitions
// are not expanded to count them.
func programSize(re *syntax.Regexp) int {
	size := 1
	switch re.Op {
	case syntax.OpLiteral:
		size = max(1, len(re.Rune))
	case syntax.OpCapture, syntax.OpStar: // of what can be empty, x* is (x+)?
		size = 2 + programSize(re.Sub[0])
	case syntax.OpPlus, syntax.OpQuest:
		size = 1 + programSize(re.Sub[0])
	case syntax.OpRepeat:
		each := programSize(re.Sub[0])
		if re.Min != re.Max { // x{2,5} is xx(x(x(x)?)?)?, and x{2,} is xx+
			each += 2
		}
		if each > MaxRegexProgram {
			return each
		}
		size = max(1, each*max(re.Min, re.Max, 1))
	case syntax.OpConcat, syntax.OpAlternate:
		for _, sub := range re.Sub {
			size += programSize(sub)
			if re.Op == syntax.OpAlternate {
				size++
			}
			if size > MaxRegexProgram {
				return size
			}
		}
	default: // one instruction
	}
	return size
}
