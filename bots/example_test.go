package bots_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/storage/bolt"
)

// printer is an adapter for a chat that is the standard output.
type printer struct{ bot *bots.Bot }

// Deliver implements core.Adapter.
func (p *printer) Deliver(ctx context.Context, parcel core.Parcel) (json.RawMessage, error) {
	m := p.bot.Show(ctx, parcel)
	fmt.Printf("%s – %s (%s)\n", m.Prompt, m.Name, m.Status)
	return nil, nil
}

// An adapter hands over what people type, and shows the answer.
func Example() {
	dir, err := os.MkdirTemp("", "kiebot")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	chat := &printer{}
	engine, models, closeStore := newEngine(dir, chat)
	defer closeStore()
	chat.bot, err = bots.New(bots.Config{Engine: engine, Catalog: models})
	if err != nil {
		log.Fatal(err)
	}

	reply := chat.bot.Command(context.Background(), bots.Incoming{
		Key:    "chat:update-1", // the platform's own number of this message
		Origin: core.Origin{Identity: core.Identity{Platform: "chat", User: "ada"}, Name: "Ada", Lane: core.NewLane("chat", "room")},
		Text:   "/imagine a cat astronaut --aspekt 16:9",
	})
	fmt.Println(reply.Text)
	for _, s := range chat.bot.Suggest("/imagine a cat astronaut --ar 16", "en") {
		fmt.Println(s.Insert)
	}
	// Output:
	// There is no option --aspekt. Did you mean --aspect? /imagine takes --model, --ar, --res, --n, --seed, --no, --image, --mask, --set, --spoiler, --private, --menu. Nothing was charged.
	// /imagine a cat astronaut --ar 16:9
}

// newEngine is what cmd/kiebot does at length.
func newEngine(dir string, chat core.Adapter) (*core.Engine, *catalog.Catalog, func()) {
	store, err := bolt.Open(filepath.Join(dir, "kiebot.db"), bolt.Options{})
	if err != nil {
		log.Fatal(err)
	}
	models, err := catalog.Default()
	if err != nil {
		log.Fatal(err)
	}
	client, err := kie.New(kie.Config{APIKey: "from-kie.ai-api-key", HTTPClient: &http.Client{}})
	if err != nil {
		log.Fatal(err)
	}
	fetcher, err := media.NewFetcher(media.FetcherConfig{})
	if err != nil {
		log.Fatal(err)
	}
	spool, err := media.OpenSpool(filepath.Join(dir, "media"), fetcher)
	if err != nil {
		log.Fatal(err)
	}
	engine, err := core.New(core.Config{
		Store: store, Kie: []core.KieAccount{{Client: client}}, Catalog: models, Spool: spool, UserDaily: core.Unlimited,
		Adapters: map[string]core.Adapter{"chat": chat},
	})
	if err != nil {
		log.Fatal(err)
	}
	return engine, models, func() { store.Close() }
}
