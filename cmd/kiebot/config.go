package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // TZ works on machines without a time zone database

	"github.com/dustin/go-humanize"
	"github.com/joho/godotenv"
	"github.com/kelseyhightower/envconfig"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
)

// environment is the configuration as it is written: one string per variable.
// envconfig stops at its first error and prints values when it converts, so
// it only collects; settings are made, and all problems found, by read.
type environment struct {
	KieAPIKey      string `envconfig:"KIE_API_KEY" secret:"true" desc:"Kie.ai API key, from https://kie.ai/api-key" more:"Required, unless there is KIE_API_KEYS"`
	KieAPIKeys     string `envconfig:"KIE_API_KEYS" secret:"true" desc:"in place of KIE_API_KEY, for several Kie accounts: name=key,name2=key2" more:"Each has its own limits and credits. A task stays with the account of its name, so keep the names; the account that KIE_API_KEY opened until now is called default"`
	KieAPIURL      string `envconfig:"KIE_API_URL" default:"https://api.kie.ai" desc:"address of Kie's API"`
	KieUploadURL   string `envconfig:"KIE_UPLOAD_URL" default:"https://kieai.redpandaai.co" desc:"address of Kie's file upload"`
	KieWebhookKey  string `envconfig:"KIE_WEBHOOK_KEY" secret:"true" desc:"webhook HMAC key or keys (comma), from https://kie.ai/settings" more:"When set, a callback that none of them verifies is refused"`
	TelegramToken  string `envconfig:"TELEGRAM_TOKEN" secret:"true" desc:"turns Telegram on; the bot's token, from @BotFather"`
	TelegramURL    string `envconfig:"TELEGRAM_API_URL" default:"https://api.telegram.org" desc:"address of the Bot API; a local server takes larger files"`
	TelegramMode   string `envconfig:"TELEGRAM_MODE" default:"polling" desc:"polling, or webhook, which needs PUBLIC_URL"`
	TelegramSecret string `envconfig:"TELEGRAM_WEBHOOK_SECRET" secret:"true" desc:"what Telegram shows to prove a webhook; made and kept when empty"`
	Stars          string `envconfig:"TELEGRAM_STARS" desc:"credits that people can buy with Telegram Stars, STARS:CREDITS: 100:500,450:2500; empty sells nothing" more:"Needs ADMINS"`
	StarsSupport   string `envconfig:"TELEGRAM_STARS_SUPPORT" desc:"whom to write to about a payment, for /paysupport: @ann, or a link"`
	StarsTerms     string `envconfig:"TELEGRAM_STARS_TERMS" desc:"where the terms of the sale stand, for /terms: https://example.org/terms"`
	DiscordToken   string `envconfig:"DISCORD_TOKEN" secret:"true" desc:"turns Discord on; the bot's token, from https://discord.com/developers/applications"`
	DiscordKey     string `envconfig:"DISCORD_PUBLIC_KEY" desc:"the application's public key: with PUBLIC_URL interactions come over HTTP, in place of the gateway"`
	DiscordURL     string `envconfig:"DISCORD_API_URL" default:"https://discord.com" desc:"address of Discord's API"`
	DiscordShards  string `envconfig:"DISCORD_SHARDS" default:"auto" desc:"of the gateway: auto, or n/m for the n-th of m processes, from 0"`
	DiscordPrefix  string `envconfig:"DISCORD_PREFIX" desc:"begins the name of every command, beside another bot with an /imagine" more:"Such as kie-"`
	DiscordNSFW    string `envconfig:"DISCORD_NSFW" default:"anywhere" desc:"anywhere, or restricted: outside age-restricted channels the models' content filters are on, at their strict levels, whatever people ask for" more:"Models without such an input are as their makers let them be"`
	Admins         string `envconfig:"ADMINS" desc:"who runs this: telegram:123,discord:456" more:"They are told of what needs them, such as a Kie account that runs dry, and may use /admin"`
	Allow          string `envconfig:"ALLOW" desc:"who may use it beside the admins: telegram:123, telegram:chat:-100123, discord:guild:456, discord:channel:457, discord:role:789, or everyone" more:"With a chat turned on, one of ADMINS and ALLOW has to be set"`
	PublicURL      string `envconfig:"PUBLIC_URL" desc:"https address under which this process is reachable; enables callbacks" more:"Plain http only for a loopback address"`
	Console        string `envconfig:"CONSOLE_PASSWORD" secret:"true" desc:"opens /console, the operator's console, at least 8 characters; empty leaves the one-time links of kiebot console"`
	ListenAddr     string `envconfig:"LISTEN_ADDR" default:"127.0.0.1:8080" desc:"where the web chat and the callbacks listen; port 0 is any free one"`
	MetricsAddr    string `envconfig:"METRICS_ADDR" default:"127.0.0.1:9090" desc:"where Prometheus reads the metrics, and nothing else is served; port 0 is any free one, off is none"`
	DataDir        string `envconfig:"DATA_DIR" default:"./data" desc:"folder of the database and the media"`
	DatabaseURL    string `envconfig:"DATABASE_URL" secret:"true" desc:"a PostgreSQL database, 15 or newer, in place of the file in DATA_DIR: postgres://user:password@host/database" more:"Several kiebots can share it"`
	Lease          string `envconfig:"LEASE" default:"30s" desc:"with DATABASE_URL, how long another waits until it takes over from one that was killed" more:"At least 2s"`
	CatalogFile    string `envconfig:"CATALOG_FILE" desc:"file with own models and prices, as kiebot models writes it"`
	MediaRetain    string `envconfig:"MEDIA_RETENTION" default:"336h" desc:"how long fetched media is kept after its last use" more:"What waits to be shown stays"`
	MediaMax       string `envconfig:"MEDIA_MAX" default:"10 GiB" desc:"how much fetched media is kept; what was used longest ago goes first"`
	UserDaily      string `envconfig:"QUOTA_USER_DAILY" default:"100" desc:"credits per person and day, or unlimited" more:"0 allows none"`
	UserMonthly    string `envconfig:"QUOTA_USER_MONTHLY" default:"unlimited" desc:"credits per person and month, or unlimited"`
	ChatDaily      string `envconfig:"QUOTA_CHAT_DAILY" default:"unlimited" desc:"credits per chat and day, or unlimited"`
	TotalDaily     string `envconfig:"QUOTA_TOTAL_DAILY" default:"unlimited" desc:"credits of everybody together per day, or unlimited"`
	Roles          string `envconfig:"QUOTA_ROLES" desc:"ROLE=DAILY/MONTHLY for people with a role or of a tier: discord:role:123=500/5000,tier:gold=1000" more:"They are in place of the limits above; of several the most generous applies"`
	Kinds          string `envconfig:"QUOTA_KINDS" desc:"credits per person and day of a kind of model or of one model: video=30,model:veo3=10"`
	MaxActive      string `envconfig:"MAX_ACTIVE_PER_USER" default:"3" desc:"requests of one person under way at once, or unlimited; --n 4 is one"`
	MaxRequest     string `envconfig:"MAX_REQUEST_CREDITS" default:"unlimited" desc:"what one request may cost at most, or unlimited"`
	ConfirmAbove   string `envconfig:"CONFIRM_ABOVE" default:"50" desc:"credits above which a person has to agree to the price first, or off"`
	Retention      string `envconfig:"RETENTION" default:"2160h" desc:"how long finished tasks are kept" more:"At least 24h, from when they were shown; the sums of the ledger stay"`
	BackupEvery    string `envconfig:"BACKUP_EVERY" default:"24h" desc:"how often the database is copied to DATA_DIR/backups, or off"`
	BackupKeep     string `envconfig:"BACKUP_KEEP" default:"7" desc:"how many of these copies are kept"`
	TimeZone       string `envconfig:"TZ" default:"UTC" desc:"where a day starts, for example Europe/Berlin"`
	Locale         string `envconfig:"LOCALE" default:"en" desc:"default language of the chat: LANGUAGES"`
	LogLevel       string `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error"`
	LogFormat      string `envconfig:"LOG_FORMAT" default:"auto" desc:"text, json, or auto: text on a terminal and json elsewhere"`
}

// settings is the configuration, checked and typed.
type settings struct {
	kieKeys     []kieKey // at least one
	kieURL      string
	uploadURL   string
	catalogFile string // empty when there is none
	webhookKeys []kie.Secret
	publicURL   string // empty when there is none

	consolePassword kie.Secret // may be empty

	telegramToken   kie.Secret // empty without Telegram
	telegramURL     string
	telegramWebhook bool       // or polling
	telegramSecret  kie.Secret // may be empty
	packs           []bots.Pack
	starsSupport    string
	starsTerms      string
	discord         discordSettings
	admins          []core.Identity

	listen      string
	metrics     string     // empty for none
	databaseURL kie.Secret // empty for the file in dataDir
	lease       time.Duration
	dataDir     string
	mediaKept   media.Limits
	userDaily   core.Limit
	policy      core.Policy // but for userDaily
	retention   time.Duration

	backupEvery time.Duration // zero for never
	backupKeep  int           // at least one

	location *time.Location
	locale   string
	logLevel slog.Level
	logJSON  bool
}

// kieKey opens one Kie account.
type kieKey struct {
	name string
	key  kie.Secret
}

// problem is one setting that is missing or wrong. Its text never shows a value.
type problem struct {
	name string
	what string
}

// problems is the error of a configuration: everything that is wrong with it.
type problems []problem

// Error lists the problems, one a line.
func (p problems) Error() string {
	width := 0
	for _, one := range p {
		width = max(width, len(one.name))
	}
	lines := make([]string, 0, len(p))
	for _, one := range p {
		lines = append(lines, fmt.Sprintf("  %-*s  %s", width, one.name, one.what))
	}
	return strings.Join(lines, "\n")
}

func (p *problems) add(name, format string, args ...any) {
	*p = append(*p, problem{name, fmt.Sprintf(format, args...)})
}

// loadSettings reads .env, NAME_FILE and the environment. Its error is
// problems. The names of the variables that were given come with it.
func loadSettings() (settings, map[string]bool, error) {
	env, given, found := loadEnvironment()
	s := env.read(&found)
	if len(found) > 0 {
		sort.SliceStable(found, func(i, j int) bool { return order(found[i].name) < order(found[j].name) })
		return s, given, found
	}
	return s, given, nil
}

// loadEnvironment collects the raw values. A variable that is set and empty is
// not given. The environment wins over .env.
func loadEnvironment() (env environment, given map[string]bool, found problems) {
	values, err := godotenv.Read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		found.add(".env", "cannot be read: each line has to be NAME=value")
	}
	for name, value := range values {
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, value) // fails for names that no variable can have, which nothing reads
		}
	}
	findLookalikes(os.Environ(), &found)
	given = map[string]bool{}
	for _, v := range variables() {
		v.readFile(&found)
		given[v.name] = os.Getenv(v.name) != ""
		if !given[v.name] {
			_ = os.Unsetenv(v.name) // envconfig leaves the default out of what is set and empty
		}
	}
	if err := envconfig.Process("", &env); err != nil {
		found.add("environment", "cannot be read") // strings only: nothing can fail to convert
	}
	for _, v := range variables() {
		if v.secret {
			_ = os.Unsetenv(v.name) // whatever this process starts need not know it
		}
	}
	return env, given, found
}

// variable is one field of environment.
type variable struct {
	name, fallback string
	desc           string // in one line
	more           string // what else there is to know, in sentences; may be empty
	secret         bool
}

func variables() []variable {
	var all []variable
	t := reflect.TypeFor[environment]()
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		desc := strings.Replace(tag.Get("desc"), "LANGUAGES", strings.Join(bots.Languages(), ", "), 1)
		all = append(all, variable{tag.Get("envconfig"), tag.Get("default"), desc, tag.Get("more"), tag.Get("secret") == "true"})
	}
	return all
}

func order(name string) int {
	for i, v := range variables() {
		if v.name == name {
			return i
		}
	}
	return -1
}

// readFile puts the contents of NAME_FILE where envconfig looks for NAME.
func (v variable) readFile(found *problems) {
	path := os.Getenv(v.name + "_FILE")
	if path == "" {
		return
	}
	if os.Getenv(v.name) != "" {
		found.add(v.name, "is set twice, as %s and as %s_FILE: remove one of them", v.name, v.name)
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		found.add(v.name+"_FILE", "names a file that cannot be read: %v", errors.Unwrap(err))
		return
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if os.Setenv(v.name, value) != nil {
		found.add(v.name+"_FILE", "names a file with a zero byte in it: it has to hold the value alone")
	}
}

// read makes settings of the raw values and finds everything that is wrong with them.
func (e environment) read(found *problems) settings {
	s := settings{listen: e.ListenAddr, dataDir: e.DataDir}
	e.readKie(&s, found)
	e.readAddresses(&s, found)
	e.readConsole(&s, found)
	e.readMedia(&s, found)
	s.databaseURL = kie.Secret(e.readDatabase(found))
	var err error
	if s.lease, err = time.ParseDuration(e.Lease); err != nil || s.lease < leaseLeast {
		found.add("LEASE", "is no time of at least %v, such as 30s", leaseLeast)
	}
	e.readQuota(&s, found)
	e.readTelegram(&s, found)
	e.readDiscord(&s, found)
	e.readPeople(&s, found)
	e.readStars(&s, found)
	e.readRetention(&s, found)
	e.readBackup(&s, found)
	e.readTexts(&s, found)
	e.readLog(&s, found)
	return s
}

func (e environment) readKie(s *settings, found *problems) {
	e.readKieKeys(s, found)
	s.kieURL = strings.TrimRight(e.KieAPIURL, "/")
	s.uploadURL = strings.TrimRight(e.KieUploadURL, "/")
	for name, address := range map[string]string{"KIE_API_URL": e.KieAPIURL, "KIE_UPLOAD_URL": e.KieUploadURL} {
		if _, err := webAddress(address); err != nil {
			found.add(name, "%v", err)
		}
	}
	for key := range strings.SplitSeq(e.KieWebhookKey, ",") {
		if key = strings.TrimSpace(key); key != "" {
			s.webhookKeys = append(s.webhookKeys, kie.Secret(key))
		}
	}
}

// readKieKeys takes the key of the only account or those of several.
func (e environment) readKieKeys(s *settings, found *problems) {
	switch {
	case e.KieAPIKey != "" && e.KieAPIKeys != "":
		found.add("KIE_API_KEYS", "is set beside KIE_API_KEY: give all keys here, the present one as %s=…, and remove the other", core.DefaultKieAccount)
		return
	case e.KieAPIKey == "" && e.KieAPIKeys == "":
		found.add("KIE_API_KEY", "is missing: make a key at https://kie.ai/api-key")
		return
	case e.KieAPIKeys == "":
		s.addKieKey("KIE_API_KEY", "", core.DefaultKieAccount, e.KieAPIKey, found)
		return
	}
	n := 0
	for entry := range strings.SplitSeq(e.KieAPIKeys, ",") {
		n++
		name, key, _ := strings.Cut(strings.TrimSpace(entry), "=")
		s.addKieKey("KIE_API_KEYS", fmt.Sprintf("entry %d: ", n), name, key, found)
	}
}

// addKieKey checks a key and its name. The text of a problem says which entry
// it is about, never what is in it.
func (s *settings) addKieKey(variable, entry, name, key string, found *problems) {
	if err := core.CheckKieName(name); err != nil {
		found.add(variable, "%sit has to look like name=key: %v", entry, err)
	}
	if slices.ContainsFunc(s.kieKeys, func(other kieKey) bool { return other.name == name }) {
		found.add(variable, "%sits name is there already", entry)
	}
	if slices.ContainsFunc(s.kieKeys, func(other kieKey) bool { return key != "" && other.key.Reveal() == key }) {
		found.add(variable, "%sits key is there already, under another name", entry)
	}
	switch {
	case key == "":
		found.add(variable, "%sthe key is missing", entry)
	case strings.ContainsFunc(key, unprintable):
		found.add(variable, "%shas a space or a line break in it: copy the key alone", entry)
	}
	s.kieKeys = append(s.kieKeys, kieKey{name, kie.Secret(key)})
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

func (e environment) readAddresses(s *settings, found *problems) {
	if e.MetricsAddr != "off" {
		s.metrics = e.MetricsAddr
		if _, _, err := net.SplitHostPort(e.MetricsAddr); err != nil {
			found.add("METRICS_ADDR", "is neither host:port, such as 127.0.0.1:9090, nor off")
		}
	}
	if _, _, err := net.SplitHostPort(e.ListenAddr); err != nil {
		found.add("LISTEN_ADDR", "is not host:port, such as 127.0.0.1:8080 or :8080")
	}
	s.catalogFile = e.CatalogFile
	if _, err := s.catalog(); err != nil {
		found.add("CATALOG_FILE", "%v", err)
	}
	if strings.TrimSpace(e.DataDir) == "" {
		found.add("DATA_DIR", "is empty: name a folder, such as ./data")
	}
	s.publicURL = strings.TrimRight(e.PublicURL, "/")
	if e.PublicURL == "" {
		return
	}
	u, err := webAddress(e.PublicURL)
	switch {
	case err != nil:
		found.add("PUBLIC_URL", "%v", err)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		found.add("PUBLIC_URL", "is http: only https is allowed, but for a loopback address")
	}
}

// webAddress accepts an absolute http or https address without anything after the path.
func webAddress(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("is not a web address, such as https://bot.example.org")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("has a user, a query or a fragment: give the address alone")
	}
	return u, nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func (e environment) readMedia(s *settings, found *problems) {
	kept, err := time.ParseDuration(e.MediaRetain)
	if err != nil || kept <= 0 {
		found.add("MEDIA_RETENTION", "is not a length of time, such as 336h or 90m")
	}
	most, err := humanize.ParseBytes(e.MediaMax)
	if err != nil || most == 0 || most > math.MaxInt64 {
		found.add("MEDIA_MAX", "is not an amount of bytes, such as 10 GiB or 500 MB")
	}
	s.mediaKept = media.Limits{Retention: kept, Bytes: int64(most)}
}

// leastRetention keeps a task for longer than it can be under way.
const leastRetention = 24 * time.Hour

func (e environment) readRetention(s *settings, found *problems) {
	kept, err := time.ParseDuration(e.Retention)
	if err != nil || kept < leastRetention {
		found.add("RETENTION", "is not a length of time of a day or more, such as 2160h")
	}
	s.retention = kept
}

// leastBackup keeps kiebot from doing little else than copying.
const leastBackup = time.Minute

func (e environment) readBackup(s *settings, found *problems) {
	keep, err := strconv.Atoi(e.BackupKeep)
	if err != nil || keep < 1 {
		found.add("BACKUP_KEEP", "is not a number of copies, such as 7")
	}
	s.backupKeep = keep
	if e.BackupEvery == "off" {
		return
	}
	every, err := time.ParseDuration(e.BackupEvery)
	if err != nil || every < leastBackup {
		found.add("BACKUP_EVERY", "is neither off nor a length of time of a minute or more, such as 24h")
	}
	s.backupEvery = every
}

func (e environment) readTexts(s *settings, found *problems) {
	location, err := time.LoadLocation(e.TimeZone)
	if err != nil {
		found.add("TZ", "is not the name of a time zone, such as UTC or Europe/Berlin")
	}
	s.location, s.locale = location, e.Locale
	if _, ok := bots.Language(e.Locale); !ok {
		found.add("LOCALE", "is not a language that kiebot has texts for: %s", strings.Join(bots.Languages(), ", "))
	}
}

func (e environment) readLog(s *settings, found *problems) {
	if err := s.logLevel.UnmarshalText([]byte(e.LogLevel)); err != nil {
		found.add("LOG_LEVEL", "is none of debug, info, warn, error")
	}
	switch e.LogFormat {
	case "auto":
		s.logJSON = !onTerminal(os.Stderr)
	case "text":
	case "json":
		s.logJSON = true
	default:
		found.add("LOG_FORMAT", "is none of auto, text and json")
	}
}

// onTerminal says whether somebody may be reading along.
func onTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// logger writes to stderr as configured.
func (s settings) logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: s.logLevel}
	if s.logJSON {
		return slog.New(aboutTasks{slog.NewJSONHandler(os.Stderr, options)})
	}
	return slog.New(aboutTasks{slog.NewTextHandler(os.Stderr, options)})
}

// aboutTasks adds the task to what is logged while Kie is asked for it.
type aboutTasks struct{ slog.Handler }

// Handle implements slog.Handler.
func (h aboutTasks) Handle(ctx context.Context, r slog.Record) error {
	if id := core.TaskOf(ctx); id != "" {
		r.AddAttrs(slog.String("task", string(id)))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h aboutTasks) WithAttrs(attrs []slog.Attr) slog.Handler {
	return aboutTasks{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h aboutTasks) WithGroup(name string) slog.Handler { return aboutTasks{h.Handler.WithGroup(name)} }

// catalog is the embedded catalogue with the operator's own entries on top.
func (s settings) catalog() (*liveCatalog, error) {
	base, err := catalog.Default()
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	live := &liveCatalog{file: catalog.NewFile(s.catalogFile, base), named: s.catalogFile != ""}
	if _, err := live.reload(); err != nil {
		return nil, err
	}
	return live, nil
}

// database is the path of the bbolt file.
func (s settings) database() string { return filepath.Join(s.dataDir, "kiebot.db") }
