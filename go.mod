module kiebot

go 1.26.0

// What the program needs.
require (
	github.com/VictoriaMetrics/metrics v1.45.0 // counts for Prometheus; the official client would add 3 MiB to the program
	github.com/agnivade/levenshtein v1.2.2 // catalog: finds the nearest name to a typo
	github.com/alecthomas/kong v1.17.0 // the command line, with help for every command
	github.com/bwmarrin/discordgo v0.29.1-0.20250705135336-4fe330a30c8b // Discord's types; the last release has no flags on an edit, later commits deadlock when a resume is refused
	github.com/coreos/go-systemd/v22 v22.7.0 // tells systemd that kiebot serves and is alive
	github.com/dustin/go-humanize v1.1.0 // reads sizes such as 10 GiB
	github.com/go-telegram/bot v1.27.0 // the Bot API's types and methods; this version and no other, @latest is older
	github.com/gorilla/websocket v1.5.3 // the connection to Discord's gateway; discordgo's own requirement
	github.com/jackc/pgx/v5 v5.12.0 // PostgreSQL, for several replicas
	github.com/joho/godotenv v1.5.1 // reads .env
	github.com/kelseyhightower/envconfig v1.4.0 // reads the environment into one struct
	github.com/nicksnyder/go-i18n/v2 v2.7.0 // texts in several languages, with their plurals
	github.com/rivo/uniseg v0.4.7 // what people see as one character, so that no emoji is cut in two
	go.etcd.io/bbolt v1.5.0 // the embedded store
	golang.org/x/crypto/x509roots/fallback v0.0.0-20261030153154-30a33513ff6d // CA roots for machines and images that have none
	golang.org/x/image v0.47.0 // reads WebP; draws and typesets kietest's pictures
	golang.org/x/text v0.43.0 // matches languages and writes numbers as they do
	golang.org/x/time v0.16.0 // the budget of status reads, the pace of answers
)

// What only the tests need.
require (
	github.com/chromedp/cdproto v0.159.0 // the protocol chromedp speaks
	github.com/chromedp/chromedp v0.23.0 // drives a real Chromium through the browser chat
	github.com/google/go-cmp v0.7.0 // readable differences
	github.com/riverqueue/river v0.51.2 // a job queue on PostgreSQL, which the benchmarks of storage/postgres compare with
	github.com/riverqueue/river/riverdriver/riverpgxv5 v0.51.2 // River on pgx
	github.com/rogpeppe/go-internal v1.16.0 // testscript: what people type, as scripts
	go.uber.org/goleak v1.3.0 // no goroutine outlives its owner
)

require (
	github.com/BurntSushi/toml v1.6.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/riverqueue/river/riverdriver v0.51.2 // indirect
	github.com/riverqueue/river/rivershared v0.51.2 // indirect
	github.com/riverqueue/river/rivertype v0.51.2 // indirect
	github.com/tidwall/gjson v1.20.0 // indirect
	github.com/tidwall/match v1.2.0 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	github.com/tidwall/sjson v1.2.5 // indirect
	github.com/valyala/fastrand v1.1.0 // indirect
	github.com/valyala/histogram v1.2.0 // indirect
	golang.org/x/crypto v0.57.0 // indirect
	golang.org/x/exp/typeparams v0.0.0-20231108232855-2478ac86f678 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/telemetry v0.0.0-20261010193011-f71dc92da45e // indirect
	golang.org/x/tools v0.52.0 // indirect
	golang.org/x/vuln v1.9.0 // indirect
	honnef.co/go/tools v0.8.2 // indirect
)

tool (
	golang.org/x/vuln/cmd/govulncheck // known vulnerabilities
	honnef.co/go/tools/cmd/staticcheck // what vet does not see
)
