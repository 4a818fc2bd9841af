package media

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
)

// ErrorKind says in what way fetching or storing a file failed.
type ErrorKind string

// The kinds of failures.
const (
	BlockedAddress ErrorKind = "blocked address" // the URL or where it leads is not allowed
	TooBig         ErrorKind = "too big"         // more than FetcherConfig.MaxBytes
	HTTPStatus     ErrorKind = "http status"     // the host answered, but not with the file
	Network        ErrorKind = "network"         // no connection, cut off, silent, or given up by the caller
	Disk           ErrorKind = "disk"            // the file could not be written
	NotMedia       ErrorKind = "not media"       // text, such as a web page with an error, where media was promised
)

// Error is why a file could not be fetched or stored. Its text names the host
// at most: paths and queries of result links can hold secrets.
type Error struct {
	Kind   ErrorKind
	Host   string // as in the URL, "" when it does not matter
	Status int    // the HTTP status when Kind is HTTPStatus and there was one
	Reason string // what was wrong, as the end of a sentence
	Err    error  // the cause, nil when Reason says it all
}

// Error returns what was wrong, without any part of the URL but its host.
func (e *Error) Error() string {
	text := e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Host == "" {
		return text
	}
	return "fetching from " + e.Host + ": " + text
}

// Unwrap returns the cause: context.Canceled and syscall.ENOSPC, for example,
// can be found with errors.Is.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same call may succeed later. A missing file
// (404) or a web page in its place counts: a fresh result link can be announced
// before its host serves it.
func (e *Error) Temporary() bool {
	switch e.Kind {
	case Network, Disk, NotMedia:
		return true
	case HTTPStatus:
		switch e.Status {
		case http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
			return true
		}
		return e.Status >= 500
	}
	return false
}

func blocked(host, reason string) *Error {
	return &Error{Kind: BlockedAddress, Host: host, Reason: reason}
}

func diskError(err error) *Error {
	reason := "the file could not be stored"
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		reason = "the disk is full"
	}
	return &Error{Kind: Disk, Reason: reason, Err: err}
}

func networkError(host string, err error) *Error {
	return &Error{Kind: Network, Host: host, Reason: "the transfer failed", Err: presentable(err)}
}

// presentable returns the part of a transport error that is safe to print. The
// http package quotes URLs, Location headers and broken answers in others.
func presentable(err error) error {
	if netErr, ok := errors.AsType[*net.OpError](err); ok {
		return netErr
	}
	if tlsErr, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return tlsErr
	}
	for _, known := range []error{io.ErrUnexpectedEOF, io.EOF, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errors.New("the answer could not be understood")
}
