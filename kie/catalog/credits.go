package catalog

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Credits is an amount of Kie credits in thousandths: 8 credits are 8000. It is
// an integer because prices such as 0.8 have no exact binary fraction and sums
// of many of them would drift. In JSON it is a plain decimal number (8, 0.8).
type Credits int64

// perCredit is how many units of Credits make one Kie credit.
const perCredit = 1000

// ParseCredits reads a decimal amount such as "8", "0.8" or "-3.25". It fails
// for more than three decimals that are not zero, for exponents, and for
// amounts that an int64 of thousandths cannot hold.
func ParseCredits(text string) (Credits, error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, dotted := strings.Cut(digits, ".")
	if !allDigits(whole) || (dotted && !allDigits(fraction)) {
		return 0, fmt.Errorf("credits %s: not a decimal number", quoted(text))
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > 3 {
		return 0, fmt.Errorf("credits %s: more than three decimals", quoted(text))
	}
	thousandths, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", 3-len(fraction)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("credits %s: too large", quoted(text))
	}
	if negative {
		thousandths = -thousandths
	}
	return Credits(thousandths), nil
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// String gives the amount without needless zeros: "8", "0.8", "-3.25".
func (c Credits) String() string {
	// The magnitude as uint64, because the smallest int64 has no positive twin.
	sign, magnitude := "", uint64(c)
	if c < 0 {
		sign, magnitude = "-", -magnitude
	}
	text := sign + strconv.FormatUint(magnitude/perCredit, 10)
	if rest := magnitude % perCredit; rest > 0 {
		text += "." + strings.TrimRight(strconv.FormatUint(perCredit+rest, 10)[1:], "0") // the 1 keeps leading zeros
	}
	return text
}

// Float is the amount in credits, for charts and metrics: money is never counted
// with it.
func (c Credits) Float() float64 { return float64(c) / perCredit }

// MarshalJSON writes the amount as a plain decimal number.
func (c Credits) MarshalJSON() ([]byte, error) {
	return []byte(c.String()), nil
}

// UnmarshalJSON reads a plain decimal number exactly, without going through a
// float.
func (c *Credits) UnmarshalJSON(data []byte) error {
	parsed, err := ParseCredits(string(data))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// times multiplies a price by a quantity and fails rather than overflow.
func (c Credits) times(quantity int64) (Credits, error) {
	if quantity != 0 && (int64(c) > math.MaxInt64/quantity || int64(c) < math.MinInt64/quantity) {
		return 0, fmt.Errorf("%s credits times %d: too large", c, quantity)
	}
	return c * Credits(quantity), nil
}
