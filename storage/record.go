// Package storage encodes the records that a store keeps.
//
// Every record starts with one byte that says which version of the encoding
// wrote it; what follows is JSON, or packed numbers. A record of any past version decodes for
// ever: when a core type changes so that its old JSON no longer fits, the old
// shape gets a decoder here and a golden file in testdata that proves it.
// Fields that are new and optional need neither: they decode as zero.
package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"kiebot/core"
)

// What Encode writes.
const (
	recordVersion = 2
	packedVersion = 3 // of a Usage
)

// ErrNewer means that the record was written by a newer kiebot.
var ErrNewer = errors.New("written by a newer version of kiebot")

// Encode turns a record of core's into the bytes to store.
func Encode(record any) ([]byte, error) {
	switch r := record.(type) {
	case core.Usage:
		return packUsage(r), nil
	case *core.Usage:
		return packUsage(*r), nil
	}
	var out bytes.Buffer
	out.WriteByte(recordVersion)
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(record); err != nil {
		return nil, fmt.Errorf("encoding a record: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Decode reads what Encode of this or any earlier version wrote into record,
// a pointer. Numbers in free-form inputs come back as json.Number, exact.
func Decode(data []byte, record any) error {
	if len(data) == 0 {
		return errors.New("decoding a record: it is empty")
	}
	if data[0] == packedVersion {
		return unpack(data[1:], record)
	}
	if data[0] > packedVersion {
		return fmt.Errorf("decoding a record of version %d: %w", data[0], ErrNewer)
	}
	if data[0] == 0 {
		return errors.New("decoding a record: version 0 does not exist")
	}
	if err := decode(data[1:], record); err != nil {
		return fmt.Errorf("decoding a record: %w", err)
	}
	if data[0] == 1 {
		return from1(data[1:], record)
	}
	return nil
}

// decode reads JSON. Only a task has values of any type, whose numbers have to
// stay exact; the decoder that keeps them takes a quarter longer.
func decode(data []byte, record any) error {
	if _, free := record.(*core.Task); !free {
		return json.Unmarshal(data, record)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec.Decode(record)
}
