package kie

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Credits is an amount of Kie credits in thousandths of one credit, so that
// sums are exact: Kie reports fractions such as 5916.25. One credit is worth
// about half a US cent.
type Credits int64

// creditUnit is one whole Kie credit.
const creditUnit Credits = 1000

// Limits of the numbers read as credits. They keep a hostile text such as
// 1e999999999 from costing memory; real amounts are far inside.
const (
	maxCreditDigits   = 64
	maxCreditExponent = 400
)

// String returns the amount in whole credits without needless digits: "8",
// "0.8", "5916.25".
func (c Credits) String() string {
	sign, n := "", uint64(c)
	if c < 0 {
		sign, n = "-", -n
	}
	whole, rest := n/uint64(creditUnit), n%uint64(creditUnit)
	if rest == 0 {
		return fmt.Sprintf("%s%d", sign, whole)
	}
	return fmt.Sprintf("%s%d.%s", sign, whole, strings.TrimRight(fmt.Sprintf("%03d", rest), "0"))
}

// MarshalJSON writes the amount as Kie does, a JSON number of whole credits.
func (c Credits) MarshalJSON() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalJSON reads a JSON number of whole credits, or one inside a string.
// A number finer than a thousandth is rounded up to the next one, so that an
// amount is never understated. JSON null leaves c as it is.
func (c *Credits) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	text := string(b)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(b, &text); err != nil {
			return fmt.Errorf("kie: reading credits: %w", err)
		}
	}
	amount, err := parseCredits(strings.TrimSpace(text))
	if err != nil {
		return fmt.Errorf("kie: reading credits: %w", err)
	}
	*c = amount
	return nil
}

// parseCredits reads a decimal number of whole credits, rounding up to a
// thousandth.
func parseCredits(text string) (Credits, error) {
	if len(text) > maxCreditDigits || strings.Trim(text, "+-.0123456789eE") != "" {
		return 0, errors.New("not a number")
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		n, err := strconv.Atoi(exponent)
		if err != nil || n > maxCreditExponent || n < -maxCreditExponent {
			return 0, errors.New("exponent out of range")
		}
	}
	amount, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, errors.New("not a number")
	}
	amount.Mul(amount, big.NewRat(int64(creditUnit), 1))
	// Div rounds towards minus infinity when the divisor is positive, so the
	// double negation rounds up.
	n := new(big.Int).Neg(amount.Num())
	n.Neg(n.Div(n, amount.Denom()))
	if !n.IsInt64() {
		return 0, errors.New("out of range")
	}
	return Credits(n.Int64()), nil
}
