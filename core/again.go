package core

import (
	"context"
	"maps"

	"kiebot/kie/catalog"
)

// Again submits what an earlier task of the person asked for once more, as a
// new request with its own key and origin. A seed is left out, so that the
// result differs.
func (e *Engine) Again(ctx context.Context, id, key string, origin Origin) (Receipt, error) {
	task, err := e.Task(ctx, origin.Identity, id)
	if err != nil {
		return Receipt{}, err
	}
	req := task.Request
	req.Key, req.Origin, req.Parent = key, origin, task.ID
	if model, err := e.cfg.Catalog.Lookup(req.Model); err == nil {
		if seed, ok := model.ByOption(catalog.Seed); ok && !seed.Required {
			req.Input = maps.Clone(req.Input)
			delete(req.Input, seed.Name)
		}
	}
	return e.Submit(ctx, req)
}
