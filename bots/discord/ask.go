package discord

import (
	"context"
	"errors"
	"net/http"
)

// Self is what Discord says about an application (Discord docs, Application
// Object).
type Self struct {
	Name      string
	PublicKey string // that signs its interactions
	Endpoint  string // where its interactions are sent; empty when they come by the gateway
	Servers   int    // that it is in, about
	ByServers bool   // servers can install it
	ByPeople  bool   // people can install it
}

// The keys of integration_types_config.
const (
	forServers = "0"
	forPeople  = "1"
)

// Ask asks which application the token belongs to. An empty url is
// DefaultURL, a nil transport one with fitting bounds. The error is a sentence
// for the operator.
func Ask(ctx context.Context, token Token, url string, transport http.RoundTripper) (Self, error) {
	var app struct {
		Name      string         `json:"name"`
		PublicKey string         `json:"verify_key"`
		Endpoint  string         `json:"interactions_endpoint_url"`
		Servers   int            `json:"approximate_guild_count"`
		Installs  map[string]any `json:"integration_types_config"`
	}
	err := newClient(string(token), apiURL(url), transport).do(ctx, call{method: http.MethodGet, route: "/applications/@me"}, &app)
	var failed *callError
	switch {
	case meaning(err) == failToken:
		return Self{}, errToken
	case errors.As(err, &failed) && failed.Status == 0:
		return Self{}, errUnreached
	case err != nil:
		return Self{}, err
	}
	self := Self{Name: app.Name, PublicKey: app.PublicKey, Endpoint: app.Endpoint, Servers: app.Servers}
	_, self.ByServers = app.Installs[forServers]
	_, self.ByPeople = app.Installs[forPeople]
	return self, nil
}
