package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"kiebot/bots"
	"kiebot/core"
)

// fileRef is what an InputFile keeps for this adapter: the file's signed
// address, which works for about a day.
type fileRef struct {
	URL string `json:"url"`
}

func (r fileRef) encode() json.RawMessage {
	data, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("a string does not encode: %v", err))
	}
	return data
}

// cdn is where Discord's files are.
const cdn = "https://cdn.discordapp.com"

// portrait is a person's profile picture (Discord docs, "Image Formatting"): of
// one that moves, how it begins.
func (c *client) portrait(who user) bots.Attached {
	base := cdn
	if c.base != DefaultURL+apiPath {
		base = strings.TrimSuffix(c.base, apiPath)
	}
	address := base + "/avatars/" + url.PathEscape(who.ID) + "/" + url.PathEscape(who.Avatar) + ".png?size=1024"
	return bots.Attached{File: core.InputFile{Name: "avatar.png", Type: "image/png", Ref: fileRef{address}.encode()}}
}

// Open implements core.Source.
func (t *talker) Open(ctx context.Context, file core.InputFile) (io.ReadCloser, error) {
	var r fileRef
	if err := json.Unmarshal(file.Ref, &r); err != nil || r.URL == "" {
		return nil, fmt.Errorf("a file of another kind of chat: %w", fs.ErrNotExist)
	}
	if !t.api.hasFiles(r.URL) {
		return nil, fmt.Errorf("a file that is not Discord's: %w", fs.ErrNotExist)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("the address of a file is not one: %w", fs.ErrNotExist)
	}
	resp, err := t.api.transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("discord: getting a file: %w", unaddressed(err))
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	resp.Body.Close()
	failed := fmt.Errorf("discord: getting a file: HTTP status %d", resp.StatusCode)
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusForbidden, http.StatusGone, http.StatusUnauthorized:
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, failed)
	}
	return nil, failed
}

// hasFiles reports whether the address is one of Discord's own for files, or of
// the server that stands for Discord: nobody makes kiebot fetch anything else.
func (c *client) hasFiles(address string) bool {
	file, err := url.Parse(address)
	api, err2 := url.Parse(c.base)
	if err != nil || err2 != nil {
		return false
	}
	if file.Host == api.Host && file.Scheme == api.Scheme {
		return true
	}
	host := file.Scheme + "://" + file.Host
	return host == cdn || host == "https://media.discordapp.net"
}

// unaddressed is the error without the address, whose signature is a secret.
func unaddressed(err error) error {
	var named *url.Error
	if errors.As(err, &named) {
		return named.Err
	}
	return err
}
