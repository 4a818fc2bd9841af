package storage

import (
	"encoding/json"
	"fmt"

	"kiebot/core"
)

// from1 fills in what version 1 wrote in another shape: a hold, and a line of
// the ledger, were the same in every window.
func from1(data []byte, record any) error {
	var old struct {
		Hold struct {
			Windows []core.WindowID `json:"windows"`
		} `json:"hold"`
		Windows []core.WindowID `json:"windows"`
		Held    core.Credits    `json:"held"`
		Settled core.Credits    `json:"settled"`
	}
	switch r := record.(type) {
	case *core.Task:
		if err := json.Unmarshal(data, &old); err != nil {
			return fmt.Errorf("decoding a task of version 1: %w", err)
		}
		r.Hold.Shares = nil
		for _, w := range old.Hold.Windows {
			r.Hold.Shares = append(r.Hold.Shares, core.Share{Window: w, Amount: r.Hold.Amount})
		}
	case *core.Entry:
		if err := json.Unmarshal(data, &old); err != nil {
			return fmt.Errorf("decoding a ledger entry of version 1: %w", err)
		}
		r.Postings = nil
		for _, w := range old.Windows {
			r.Postings = append(r.Postings, core.Posting{Window: w, Held: old.Held, Settled: old.Settled})
		}
	}
	return nil
}
