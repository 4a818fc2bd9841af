package kie

import (
	"context"
	"encoding/json"
	"net/http"
)

// Credits returns the account's balance: GET /api/v1/chat/credit (docs.kie.ai/common-api,
// "Get Remaining Credits").
func (c *Client) Credits(ctx context.Context) (Credits, error) {
	env, err := c.query(ctx, call{op: opCredits, method: http.MethodGet, path: "/api/v1/chat/credit"})
	if err != nil {
		return 0, err
	}
	var balance Credits
	if env.data == nil || balance.UnmarshalJSON(env.data) != nil {
		return 0, unusable(opCredits, "a balance that is not a number")
	}
	return balance, nil
}

// DownloadURL returns a link to a file that Kie hosts, valid for 20 minutes
// and with a file name for the browser: POST /api/v1/common/download-url
// (docs.kie.ai/common-api/download-url). Kie refuses other hosts' URLs with
// [ErrInvalid]. The link does not make the file live longer.
func (c *Client) DownloadURL(ctx context.Context, fileURL string) (string, error) {
	return c.downloadLink(ctx, "/api/v1/common/download-url", fileURL, map[string]string{"url": fileURL})
}

// Image4oDownloadURL is [Client.DownloadURL] for a picture that the endpoint
// [Image4o] made in the given task: POST /api/v1/gpt4o-image/download-url
// (docs.kie.ai/old-model/4o-image-api/get-4-o-image-download-url).
func (c *Client) Image4oDownloadURL(ctx context.Context, taskID, fileURL string) (string, error) {
	if taskID == "" {
		return "", &Error{Kind: ErrInvalid, Op: opDownload, Message: "no task given"}
	}
	return c.downloadLink(ctx, "/api/v1/gpt4o-image/download-url", fileURL, map[string]string{"taskId": taskID, "url": fileURL})
}

// downloadLink asks for a link, which changes nothing.
func (c *Client) downloadLink(ctx context.Context, path, fileURL string, fields map[string]string) (string, error) {
	if webAddress(fileURL) == "" {
		return "", &Error{Kind: ErrInvalid, Op: opDownload, Message: "the file's address is not an http or https URL"}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return "", &Error{Kind: ErrInvalid, Op: opDownload, Message: "the address cannot be written as JSON", Err: err}
	}
	env, err := c.query(ctx, call{op: opDownload, method: http.MethodPost, path: path, body: body})
	if err != nil {
		return "", err
	}
	link := webAddress(text(env.data))
	if link == "" {
		return "", unusable(opDownload, "no link")
	}
	return link, nil
}

// unusable is the error for a successful reply without what was asked for.
func unusable(op, what string) error {
	return &Error{Kind: ErrTemporary, Op: op, Code: 200, HTTPStatus: http.StatusOK, Message: "Kie answered with " + what}
}
