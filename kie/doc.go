// Package kie is a client for Kie.ai, which runs other companies' image,
// video, music and speech models behind one HTTP API.
//
// It speaks the unified jobs API as docs.kie.ai describes it in October 2026
// ("Create Task", "Get Task Details", "Webhook Verification") and depends on
// nothing outside the standard library.
//
// # A picture, start to end
//
// Kie works asynchronously: creating a task answers at once with an id, and
// the result is fetched later.
//
//	client, err := kie.New(kie.Config{APIKey: key})
//	ref, err := client.Create(ctx, kie.CreateRequest{
//		Model: "google/imagen4",
//		Input: map[string]any{"prompt": "a cat astronaut"},
//	})
//	status, err := client.Wait(ctx, ref)
//	fmt.Println(status.State, status.Outputs)
//
// A [Ref] is all that has to be stored to ask again, also after a restart:
// it encodes as the text "jobs:<task id>". A program with many tasks calls
// [Client.Status] by its own schedule rather than [Client.Wait]. Kie deletes
// result files after 14 days, and some links end sooner: download at once.
//
// # Errors
//
// Kie usually answers HTTP 200 and puts the real outcome into the field code
// of the body, so every method decides on that code, and an HTTP status alone
// only when the body has none. All errors of a call are of type [*Error]; its
// [ErrorKind] says what a program can do about it:
//
//	switch kie.KindOf(err) {
//	case kie.ErrRate, kie.ErrMaintenance, kie.ErrTemporary:
//		// nothing happened; the same call is worth repeating later
//	case kie.ErrAuth, kie.ErrCredits:
//		// nothing happened; the operator has to act on the key or the balance
//	case kie.ErrUnknownOutcome:
//		// Create only: the task may exist and be billed. Do not send it again.
//	case kie.ErrInvalid, kie.ErrRefused, kie.ErrNotFound:
//		// Kie said no; the same call will fail again
//	}
//
// Kie has no idempotency key. [Client.Create] is therefore sent exactly once,
// and the distinction between "Kie took nothing" and "nobody knows" is the
// heart of this package: see [ErrTemporary] and [ErrUnknownOutcome]. The
// other methods only read, and repeat themselves up to three times when the
// trouble looks temporary, pausing between tries as Retry-After asks.
//
// # Rate of creation
//
// Kie accepts 20 creations in 10 seconds per account and answers the rest
// with [ErrRate]. A [CreationLimiter] keeps below that limit exactly.
//
// # Callbacks
//
// With [CreateRequest.CallbackURL] set, Kie posts the final state there.
// [ParseCallback] reads such a body and [Verifier] checks its signature. The
// signature covers the task id and the time, not the body, so a callback is
// only a hint that the task has changed: take the task id from it, answer 200
// at once, and read the truth with [Client.Status].
//
// # Secrets
//
// The API key is a [Secret], which prints as "redacted". It travels in the
// Authorization header to the host of [Config].BaseURL and nowhere else: no
// redirect is followed, and results are downloaded without it. When a server
// echoes the key in a reply, it is removed before anything else reads it.
package kie
