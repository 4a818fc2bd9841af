// Package kie is a client for Kie.ai, which runs other companies' image,
// video, music and speech models behind one HTTP API.
//
// It covers what docs.kie.ai describes in October 2026 for these media: the
// unified jobs API, the older endpoints of single features, file uploads, the
// catalogue, the account, and callbacks. Chat models are not part of it. Beside
// the standard library it needs golang.org/x/time.
//
// # A picture, start to end
//
// Kie works asynchronously: creating a task answers at once with an id, and
// the result is fetched later.
//
//	client, err := kie.New(kie.Config{
//		APIKey:    kie.Secret(os.Getenv("KIE_API_KEY")),
//		Creations: kie.NewCreationLimiter(20, 10*time.Second),
//	})
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
// # Inputs that are files
//
// Models read files from URLs that Kie can reach. [Client.Upload] gives a local
// file such a URL for a day:
//
//	file, err := client.Upload(ctx, kie.File{Content: f, Size: size, Name: "cat.png"})
//	ref, err := client.Create(ctx, kie.CreateRequest{
//		Model: "google/nano-banana-edit",
//		Input: map[string]any{"prompt": "add a helmet", "image_urls": []string{file.URL}},
//	})
//
// [Client.UploadURL] has Kie fetch a public file itself.
//
// # The older endpoints
//
// Veo, Runway, Aleph, 4o image, Flux Kontext and Suno have endpoints of their
// own, which are created and read in the same way. Their Input holds the fields
// of the body, in camelCase:
//
//	ref, err := client.Create(ctx, kie.CreateRequest{
//		Endpoint: kie.Veo, Model: "veo3_fast",
//		Input: map[string]any{"prompt": "a cat astronaut", "aspect_ratio": "16:9"},
//	})
//
// [Endpoints] lists them all, with paths and pages. Whatever words they use for
// the state of a task, a [Status] has the five of [State]; whatever shape their
// results have, a [Status] has a list of [Output]. Midjourney and Luma left
// Kie's documentation and want [CreateRequest].AllowRetired. [OmniAudio] and
// [OmniCharacter] answer at once: their Ref carries the result, and its Status
// is final from the beginning. What does not fit
// into creating and reading has a method: [Client.Veo1080p],
// [Client.SunoPersona], [Client.SunoTimedLyrics], [Client.SunoBoostStyle],
// [Client.Image4oDownloadURL].
//
// # What there is
//
// [Client.Models], [Client.ModelSchema], [Client.ModelPrice] and
// [Client.ModelSuccessRate] ask Kie's catalogue; [Client.Credits] the account.
// This package does not judge inputs: Kie ignores names it does not know
// without a word, so check them against a schema.
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
//		// it may have happened and be billed. Do not send it again.
//	case kie.ErrInvalid, kie.ErrRefused, kie.ErrNotFound:
//		// Kie said no; the same call will fail again
//	}
//
// Kie has no idempotency key. What costs credits, [Client.Create] and Suno's
// calls that answer at once, is therefore sent exactly once, and the
// distinction between "Kie took nothing" and "nobody knows" is the heart of
// this package: see [ErrTemporary] and [ErrUnknownOutcome]. All other methods
// only read, or upload under a name that stays the same, and repeat themselves
// up to three times when the trouble looks temporary, pausing between tries as
// Retry-After asks. [Client.UploadStream] alone can read its content only once.
//
// # Pace
//
// Kie accepts 20 creations in 10 seconds per account and answers the rest
// with [ErrRate]. A [CreationLimiter] in Config.Creations keeps below that
// limit exactly. Config.Queries paces the other calls, if wanted; discovery is
// kept at Kie's 1 request per second in any case. Clients that share an account
// share their limiters.
//
// # Callbacks
//
// With [CreateRequest].CallbackURL set, Kie posts the final state there, and
// Suno two stages before it. [CallbackHandler] receives such posts over HTTP;
// [ParseCallback] and [Verifier] are its parts. The signature covers the task
// id and the time, not the body, so a callback is only a hint that the task has
// changed: answer 200 at once and read the truth with [Client.Status].
//
// # Secrets
//
// The API key is a [Secret], which prints as "redacted". It travels in the
// Authorization header to the hosts of [Config].BaseURL and [Config].UploadURL
// and nowhere else: no redirect is followed, and results are downloaded without
// it. When a server echoes the key in a reply, it is removed before anything
// else reads it. Log lines hold methods, routes, codes and durations only.
package kie
