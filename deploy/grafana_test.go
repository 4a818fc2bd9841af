package deploy_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// In rules, dashboards and the metrics themselves.
var metricName = regexp.MustCompile(`\b(?:kiebot|process)_[a-z_]+`)

func TestRules(t *testing.T) {
	need(t, "promtool", "prometheus")
	said(t, "promtool", "check", "rules", "grafana/rules.yaml")
	said(t, "promtool", "test", "rules", "grafana/rules_test.yaml")
}

// What the rules and the dashboard look at is what the program exports.
func TestEveryMetricIsExported(t *testing.T) {
	said(t, "make", "-s", "-C", "..", "build")
	exported := described(t)
	for _, file := range []string{"grafana/rules.yaml", "grafana/dashboard.json"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(data) {
			t.Errorf("%s is no JSON", file)
		}
		for _, name := range metricName.FindAllString(string(data), -1) {
			family := name
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				family = strings.TrimSuffix(family, part)
			}
			if !exported[family] {
				t.Errorf("%s looks at %s, which is not exported", file, name)
			}
		}
	}
}

// Every replica exports these of all of them together: added up they would be
// three times too many.
var storeWide = regexp.MustCompile(`(max(?: by \([a-z, ]+\))? \(|max\()?\bkiebot_(?:tasks|credits_held|deliveries_(?:waiting|failing)|delivery_lag_seconds|store_bytes|replicas|duties_free)\b`)

func TestNothingIsAddedUpTwice(t *testing.T) {
	for _, file := range []string{"grafana/rules.yaml", "grafana/dashboard.json"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for line := range strings.Lines(string(data)) {
			if !strings.Contains(line, "expr") {
				continue
			}
			for _, use := range storeWide.FindAllStringSubmatch(line, -1) {
				found++
				if use[1] == "" {
					t.Errorf("%s takes %s from every replica: it needs max", file, use[0])
				}
			}
		}
		if found == 0 {
			t.Errorf("%s looks at nothing of all replicas together", file)
		}
	}
}

// described are the metrics that the running program exports, and those of
// which it says there that they will come.
func described(t *testing.T) map[string]bool {
	t.Helper()
	address, key := demo(t)
	serve := exec.CommandContext(t.Context(), "../bin/kiebot", "serve")
	serve.Env = append(os.Environ(), "KIE_API_KEY="+key, "KIE_API_URL="+address, "KIE_UPLOAD_URL="+address,
		"LISTEN_ADDR=127.0.0.1:0", "METRICS_ADDR=127.0.0.1:0", "DATA_DIR="+t.TempDir(), "LOG_FORMAT=text")
	log, err := serve.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, serve)
	where := ""
	lines := bufio.NewScanner(log)
	for where == "" && lines.Scan() {
		where = metricsAt.FindString(lines.Text())
	}
	if where == "" {
		t.Fatal("kiebot serve does not say where its metrics are")
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	resp, err := http.Get(where)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, name := range metricName.FindAllString(string(body), -1) {
		all[name] = true
	}
	return all
}

var metricsAt = regexp.MustCompile(`http://[0-9.:]+/metrics`)
