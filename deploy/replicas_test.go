package deploy_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	compose "github.com/compose-spec/compose-go/v2/types"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	strict "sigs.k8s.io/yaml"
)

const (
	testPassword = "secret0for0tests"

	// drainFor is what a stop takes at most: kiebot waits 8 s for what is under
	// way, and gives its duties back.
	drainFor = 10 * time.Second
)

// replicas are the kiebots that compose runs on one PostgreSQL.
func replicas(t *testing.T) map[string]compose.ServiceConfig {
	t.Helper()
	found := map[string]compose.ServiceConfig{}
	for name, service := range load(t, "", "compose.yaml", "compose.replicas.yaml").Services {
		if isKiebot(service) {
			found[name] = service
		}
	}
	return found
}

// What has to be the same for every replica is, and what has to be its own is.
func TestReplicas(t *testing.T) {
	noneOfYours(t)
	all := replicas(t)
	if len(all) != 3 {
		t.Fatalf("the replicas are %v, want three", slices.Sorted(maps.Keys(all)))
	}
	owner := map[string]string{}
	for name, service := range all {
		if address := service.Environment["DATABASE_URL"]; address == nil || !strings.Contains(*address, ":"+testPassword+"@postgres/") {
			t.Errorf("%s does not work on the database", name)
		}
		if service.DependsOn["postgres"].Condition != compose.ServiceConditionHealthy {
			t.Errorf("%s does not wait for PostgreSQL", name)
		}
		for _, volume := range service.Volumes {
			if volume.Target != "/data" {
				continue
			}
			if other, taken := owner[volume.Source]; taken {
				t.Errorf("%s and %s share the folder %s", name, other, volume.Source)
			}
			owner[volume.Source] = name
		}
		if grace := service.StopGracePeriod; grace == nil || time.Duration(*grace) < drainFor {
			t.Errorf("%s is killed before it can drain", name)
		}
		if len(service.Ports) > 0 && name != "kiebot" {
			t.Errorf("%s wants ports that the first has", name)
		}
	}
	if len(owner) != len(all) {
		t.Errorf("not every replica has a folder: %v", owner)
	}
}

// PostgreSQL is reached by the replicas alone, and its password is on no
// command line.
func TestReplicasDatabase(t *testing.T) {
	noneOfYours(t)
	project := load(t, "callbacks", "compose.yaml", "compose.replicas.yaml")
	database := project.Services["postgres"]
	if database.HealthCheck == nil || len(database.Ports) > 0 || !project.Networks["database"].Internal {
		t.Error("PostgreSQL is open to others, or nobody looks at its health")
	}
	for name, service := range project.Services {
		_, reaches := service.Networks["database"]
		if want := isKiebot(service) || name == "postgres"; reaches != want {
			t.Errorf("%s reaches the database: %v, want %v", name, reaches, want)
		}
		if words := slices.Concat(service.Command, service.Entrypoint); strings.Contains(strings.Join(words, " "), testPassword) {
			t.Errorf("%s has the password on its command line", name)
		}
	}
}

// Prometheus asks every replica.
func TestReplicasAreMeasured(t *testing.T) {
	noneOfYours(t)
	need(t, "promtool", "prometheus")
	for _, name := range []string{"docker/prometheus.yml", "docker/prometheus.replicas.yml"} {
		said(t, "promtool", "check", "config", "--syntax-only", name)
	}
	data, err := os.ReadFile("docker/prometheus.replicas.yml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Scrape []struct {
			Static []struct {
				Targets []string `json:"targets"`
			} `json:"static_configs"`
		} `json:"scrape_configs"`
	}
	if err := strict.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range slices.Sorted(maps.Keys(replicas(t))) {
		want = append(want, name+":9090")
	}
	if got := config.Scrape[0].Static[0].Targets; !slices.Equal(got, want) {
		t.Errorf("Prometheus asks %v, want %v", got, want)
	}
}

// Kubernetes keeps at most one replica from working at a time, and lets it drain.
func TestReplicasManifest(t *testing.T) {
	var set *apps.StatefulSet
	var budget *policy.PodDisruptionBudget
	var door *networking.NetworkPolicy
	for _, object := range manifests(t, "kubernetes/replicas.yaml") {
		switch o := object.(type) {
		case *apps.StatefulSet:
			set = o
		case *policy.PodDisruptionBudget:
			budget = o
		case *networking.NetworkPolicy:
			door = o
		}
	}
	if set == nil || budget == nil || door == nil {
		t.Fatal("the StatefulSet, its budget or its network policy is missing")
	}
	labels := set.Spec.Template.Labels
	if budget.Spec.MaxUnavailable.IntValue() != 1 || !maps.Equal(budget.Spec.Selector.MatchLabels, labels) {
		t.Errorf("the budget is %+v", budget.Spec)
	}
	if update := set.Spec.UpdateStrategy; update.Type != apps.RollingUpdateStatefulSetStrategyType || update.RollingUpdate.MaxUnavailable.IntValue() != 1 {
		t.Errorf("an update is %+v", update)
	}
	pod := set.Spec.Template.Spec
	if spread := pod.TopologySpreadConstraints; len(spread) == 0 || spread[0].TopologyKey != core.LabelHostname || !maps.Equal(spread[0].LabelSelector.MatchLabels, labels) {
		t.Errorf("the replicas may all be on one node: %+v", spread)
	}
	c := pod.Containers[0]
	before := time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	if grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; grace < before+drainFor {
		t.Errorf("a pod has %v to stop, of which %v pass before it hears of that", grace, before)
	}
	if !slices.ContainsFunc(c.Env, func(v core.EnvVar) bool {
		return v.Name == "DATABASE_URL" && v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil
	}) {
		t.Error("DATABASE_URL is not from a secret")
	}
	if !slices.ContainsFunc(door.Spec.Egress, func(rule networking.NetworkPolicyEgressRule) bool {
		return slices.ContainsFunc(rule.Ports, func(p networking.NetworkPolicyPort) bool { return p.Port.IntValue() == 5432 })
	}) {
		t.Error("the database cannot be reached")
	}
}

// replica stands for a kiebot behind the balancer.
type replica struct {
	*httptest.Server
	name  string
	ready atomic.Bool
}

func newReplica(t *testing.T, name string) *replica {
	r := &replica{name: name}
	r.ready.Store(true)
	r.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/readyz" && !r.ready.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(rw, name)
	}))
	t.Cleanup(r.Close)
	return r
}

// Caddy keeps a browser at one replica, as long as that is ready.
func TestBalancer(t *testing.T) {
	noneOfYours(t)
	address, behind := balancer(t)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	first := answer(t, browser, address)
	for range 10 {
		if got := answer(t, browser, address); got != first {
			t.Fatalf("the browser was at %s, and is sent to %s", first, got)
		}
	}
	seen := map[string]bool{}
	waitFor(t, "requests without a cookie reach every replica", func() bool {
		seen[answer(t, &http.Client{}, address)] = true
		return len(seen) == len(behind)
	})

	behind[first].ready.Store(false)
	waitFor(t, "the browser is sent from "+first+", which is not ready, to another", func() bool { return answer(t, browser, address) != first })

	second := answer(t, browser, address)
	behind[second].Close()
	if third := answer(t, browser, address); third == first || third == second {
		t.Errorf("%s cannot be reached and %s is not ready, but %s answers", second, first, third)
	}

	for _, r := range behind {
		r.ready.Store(false)
	}
	waitFor(t, "one that is not ready answers where none is", func() bool { return answer(t, browser, address) == first })
}

// balancer runs Caddy with the configuration of the folder, but for the
// addresses, and waits until it listens.
func balancer(t *testing.T) (address string, behind map[string]*replica) {
	t.Helper()
	need(t, "caddy", "caddy")
	data, err := os.ReadFile("docker/Caddyfile.replicas")
	if err != nil {
		t.Fatal(err)
	}
	config := "{\n\tadmin off\n}\n" + string(data)
	behind = map[string]*replica{}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(replicas(t)))) {
		r := newReplica(t, name)
		behind[name] = r
		if !strings.Contains(config, " "+name+":8080") {
			t.Fatalf("Caddy does not know %s", name)
		}
		config = strings.ReplaceAll(config, " "+name+":8080", " "+r.Listener.Addr().String())
	}
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	free := httptest.NewServer(nil)
	address = free.URL
	free.Close()
	caddy := exec.CommandContext(t.Context(), "caddy", "run", "--config", file, "--adapter", "caddyfile")
	caddy.Env = append(os.Environ(), "DOMAIN="+address, "HOME="+t.TempDir(), "XDG_DATA_HOME=", "XDG_CONFIG_HOME=")
	start(t, caddy)
	waitFor(t, "Caddy listens", func() bool {
		resp, err := http.Get(address)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	return address, behind
}

// The other configuration is one that Caddy takes, too.
func TestCaddyfile(t *testing.T) {
	need(t, "caddy", "caddy")
	t.Setenv("DOMAIN", "http://localhost:8080")
	t.Setenv("HOME", t.TempDir())
	said(t, "caddy", "validate", "--config", "docker/Caddyfile", "--adapter", "caddyfile")
}

// answer is who answers.
func answer(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := make([]byte, 100)
	n, _ := resp.Body.Read(body)
	return string(body[:n])
}

// waitFor waits until something is so, as long as a balancer may take.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if so() {
			return
		}
		select {
		case <-t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("never: %s", what)
}
