package telegramtest

import (
	"fmt"
	"net/http"
)

// apiError is an answer with ok false ("Making requests",
// "ResponseParameters"). Its sentences are the service's own, since clients
// have nothing else to tell errors apart.
type apiError struct {
	code       int
	text       string
	retryAfter int   // seconds
	migratedTo int64 // chat id
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

func badRequest(format string, args ...any) error {
	return &apiError{code: http.StatusBadRequest, text: "Bad Request: " + fmt.Sprintf(format, args...)}
}

func forbidden(text string) error {
	return &apiError{code: http.StatusForbidden, text: "Forbidden: " + text}
}

func conflict(text string) error {
	return &apiError{code: http.StatusConflict, text: "Conflict: " + text}
}

func unauthorized() error {
	return &apiError{code: http.StatusUnauthorized, text: "Unauthorized"}
}

func notFound() error { return &apiError{code: http.StatusNotFound, text: "Not Found"} }

func tooLarge() error {
	return &apiError{code: http.StatusRequestEntityTooLarge, text: "Request Entity Too Large"}
}

func tooMany(seconds int) error {
	return &apiError{code: http.StatusTooManyRequests, retryAfter: seconds, text: fmt.Sprintf("Too Many Requests: retry after %d", seconds)}
}

// envelope is the JSON of every answer.
type envelope struct {
	OK          bool                `json:"ok"`
	Result      any                 `json:"result,omitempty"`
	ErrorCode   int                 `json:"error_code,omitempty"`
	Description string              `json:"description,omitempty"`
	Parameters  *responseParameters `json:"parameters,omitempty"`
}

type responseParameters struct {
	MigrateToChatID int64 `json:"migrate_to_chat_id,omitempty"`
	RetryAfter      int   `json:"retry_after,omitempty"`
}

func (e *apiError) envelope() envelope {
	answer := envelope{ErrorCode: e.code, Description: e.text}
	if e.retryAfter > 0 || e.migratedTo != 0 {
		answer.Parameters = &responseParameters{MigrateToChatID: e.migratedTo, RetryAfter: e.retryAfter}
	}
	return answer
}
