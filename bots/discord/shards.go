package discord

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"kiebot/core"
)

// Engine is the part of core.Engine that shares the work with other replicas.
type Engine interface {
	OnDuty(ctx context.Context, duty core.Duty, do func(context.Context) error) error
	Has(duty core.Duty) bool
	Sharers() int
	Fence() uint64
	Replicas(ctx context.Context) ([]core.Replica, error)
	Announce(ctx context.Context, topic string, data json.RawMessage) error
	OnAnnounced(topic string, heard func(data json.RawMessage))
}

// dutyShard is the duty to have a shard of the gateway, with its number.
const dutyShard = "discord/"

// shardsTopic is under which replicas say that there is another number of shards.
const shardsTopic = "discord_shards"

// gatewaySetting begins the names of what the gateway shares.
const gatewaySetting = "discord_gateway/"

// replicas is gateway.Shared.
type replicas struct {
	engine Engine
	store  core.Store
	told   chan struct{} // has room for one
}

func newReplicas(engine Engine, store core.Store) *replicas {
	r := &replicas{engine: engine, store: store, told: make(chan struct{}, 1)}
	engine.OnAnnounced(shardsTopic, func(json.RawMessage) {
		select {
		case r.told <- struct{}{}:
		default: // that will be looked at
		}
	})
	return r
}

// OnShard implements gateway.Shared.
func (r *replicas) OnShard(ctx context.Context, shard int, do func(context.Context) error) error {
	return r.engine.OnDuty(ctx, core.Duty(dutyShard+strconv.Itoa(shard)), do)
}

// Alone implements gateway.Shared.
func (r *replicas) Alone(ctx context.Context) (bool, error) {
	all, err := r.engine.Replicas(ctx)
	for _, one := range all {
		if one.Fence != r.engine.Fence() {
			return false, err
		}
	}
	return err == nil, err
}

// Change implements gateway.Shared.
func (r *replicas) Change(ctx context.Context, name string, edit func([]byte) []byte) error {
	return changeSetting(ctx, r.store, gatewaySetting+name, edit)
}

// Tell implements gateway.Shared.
func (r *replicas) Tell(ctx context.Context) error {
	return r.engine.Announce(ctx, shardsTopic, json.RawMessage("null"))
}

// Told implements gateway.Shared.
func (r *replicas) Told() <-chan struct{} { return r.told }

// changeSetting lets edit replace what the store has under the name, nil for nothing.
func changeSetting(ctx context.Context, store core.Store, name string, edit func([]byte) []byte) error {
	err := store.Update(ctx, func(tx core.Tx) error {
		was, err := tx.Setting(name)
		if errors.Is(err, core.ErrNotFound) {
			was, err = nil, nil
		}
		if err != nil {
			return err
		}
		now := edit(was)
		switch {
		case bytes.Equal(was, now):
			return nil
		case now == nil:
			return tx.DeleteSetting(name)
		}
		return tx.PutSetting(name, now)
	})
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
