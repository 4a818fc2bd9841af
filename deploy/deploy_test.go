// Package deploy_test checks what is in this folder against the programs and
// types that will read it. It is a module of its own, so that kiebot does not
// depend on them.
package deploy_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	compose "github.com/compose-spec/compose-go/v2/types"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

// kinds makes an empty object of each kind that the manifests may have.
var kinds = map[string]func() any{
	"v1 ServiceAccount":                  func() any { return &core.ServiceAccount{} },
	"v1 ConfigMap":                       func() any { return &core.ConfigMap{} },
	"v1 Service":                         func() any { return &core.Service{} },
	"apps/v1 StatefulSet":                func() any { return &apps.StatefulSet{} },
	"batch/v1 Job":                       func() any { return &batch.Job{} },
	"networking.k8s.io/v1 NetworkPolicy": func() any { return &networking.NetworkPolicy{} },
	"networking.k8s.io/v1 Ingress":       func() any { return &networking.Ingress{} },
	"policy/v1 PodDisruptionBudget":      func() any { return &policy.PodDisruptionBudget{} },
}

// manifests decodes all objects of a file, and fails at a field that is not in
// the type.
func manifests(t *testing.T, name string) []any {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all []any
	for docs := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data))); ; {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(name, err)
		}
		all = append(all, decode(t, name, doc))
	}
}

func decode(t *testing.T, name string, doc []byte) any {
	t.Helper()
	var typ meta.TypeMeta
	if err := strict.Unmarshal(doc, &typ); err != nil {
		t.Fatal(name, err)
	}
	newObject, known := kinds[typ.APIVersion+" "+typ.Kind]
	if !known {
		t.Fatalf("%s has a %s %s, which this test does not know", name, typ.APIVersion, typ.Kind)
	}
	object := newObject()
	if err := strict.UnmarshalStrict(doc, object); err != nil {
		t.Fatalf("%s: %s: %v", name, typ.Kind, err)
	}
	return object
}

func TestManifests(t *testing.T) {
	files, err := filepath.Glob("kubernetes/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no manifests:", err)
	}
	replicas := map[string]int32{}
	for _, file := range files {
		for _, object := range manifests(t, file) {
			if named := object.(meta.Object); named.GetName() != "kiebot" || named.GetNamespace() != "kiebot" {
				t.Errorf("%s: %T is called %s in %s", file, object, named.GetName(), named.GetNamespace())
			}
			switch o := object.(type) {
			case *apps.StatefulSet:
				replicas[file] = *o.Spec.Replicas
				checkStatefulSet(t, file, o)
			case *batch.Job:
				checkPod(t, file, o.Spec.Template.Spec)
			}
		}
	}
	if want := map[string]int32{"kubernetes/kiebot.yaml": 1, "kubernetes/replicas.yaml": 3}; !maps.Equal(replicas, want) {
		t.Errorf("the replicas are %v, want %v: without PostgreSQL they would fight for one database", replicas, want)
	}
}

func checkStatefulSet(t *testing.T, file string, set *apps.StatefulSet) {
	t.Helper()
	pod := set.Spec.Template.Spec
	checkPod(t, file, pod)
	c := pod.Containers[0]
	for name, probe := range map[string]*core.Probe{"/healthz": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
		if probe == nil || probe.HTTPGet.Path != name {
			t.Errorf("%s: the probe of %s is %+v", file, name, probe)
		}
	}
	if claim := set.Spec.VolumeClaimTemplates[0].Name; c.VolumeMounts[0].Name != claim {
		t.Errorf("%s: %s is mounted, not %s", file, c.VolumeMounts[0].Name, claim)
	}
}

// checkPod looks at what all pods have in common.
func checkPod(t *testing.T, file string, pod core.PodSpec) {
	t.Helper()
	if len(pod.Containers) != 1 {
		t.Fatalf("%s: the pod has other containers", file)
	}
	c := pod.Containers[0]
	s := c.SecurityContext
	if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Contains(s.Capabilities.Drop, "ALL") || !*pod.SecurityContext.RunAsNonRoot {
		t.Errorf("%s: the pod may more than it needs: %+v", file, s)
	}
	if user := *pod.SecurityContext.RunAsUser; strconv.FormatInt(user, 10) != imageUser(t) {
		t.Errorf("%s: the pod runs as %d, the image as %s", file, user, imageUser(t))
	}
	if mounted := c.VolumeMounts[0]; mounted.MountPath != "/data" {
		t.Errorf("%s: the volume is %+v", file, mounted)
	}
}

var userLine = regexp.MustCompile(`(?m)^USER (\d+):(\d+)$`)

// imageUser is the user in the Dockerfile.
func imageUser(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	found := userLine.FindSubmatch(data)
	if found == nil {
		t.Fatal("the image runs as root")
	}
	return string(found[1])
}

// Every profile is a set of services that can run together, and every file that
// is mounted is there: with one kiebot, and with replicas.
func TestCompose(t *testing.T) {
	noneOfYours(t)
	for _, files := range [][]string{{"compose.yaml"}, {"compose.yaml", "compose.replicas.yaml"}} {
		for _, profile := range []string{"", "callbacks", "monitoring", "telegram-server"} {
			t.Run(files[len(files)-1]+" "+profile, func(t *testing.T) {
				checkProject(t, load(t, profile, files...))
			})
		}
	}
}

// noneOfYours skips the test where compose would find an operator's own settings.
func noneOfYours(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("docker/.env"); err == nil {
		t.Skip("there is an .env of yours in deploy/docker")
	}
}

func checkProject(t *testing.T, project *compose.Project) {
	t.Helper()
	for name, service := range project.Services {
		for _, volume := range service.Volumes {
			if _, err := os.Stat(volume.Source); volume.Type == compose.VolumeTypeBind && err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" && name != "caddy" {
				t.Errorf("%s is open to the world at port %s", name, port.Published)
			}
		}
		if isKiebot(service) && (!service.ReadOnly || !slices.Contains(service.CapDrop, "ALL")) {
			t.Errorf("%s may more than it needs", name)
		}
	}
	if !isKiebot(project.Services["kiebot"]) {
		t.Error("there is no kiebot")
	}
}

func isKiebot(service compose.ServiceConfig) bool { return service.Image == "kiebot" }

// load reads compose files over one another, as the settings in .env have it.
func load(t *testing.T, profile string, files ...string) *compose.Project {
	t.Helper()
	folder, err := filepath.Abs("docker")
	if err != nil {
		t.Fatal(err)
	}
	details := compose.ConfigDetails{WorkingDir: folder, Environment: compose.Mapping{"POSTGRES_PASSWORD": testPassword}}
	for _, name := range files {
		details.ConfigFiles = append(details.ConfigFiles, compose.ConfigFile{Filename: filepath.Join(folder, name)})
	}
	project, err := loader.LoadWithContext(t.Context(), details, func(o *loader.Options) {
		o.Profiles = []string{profile}
		o.SkipResolveEnvironment = true // .env is the operator's
	})
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// need finds a program from a Debian package, or skips the test where it may.
func need(t *testing.T, program, from string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: install Debian's package %s", program, from)
		}
		t.Skipf("%s is not installed; it is in Debian's package %s", program, from)
	}
}

// mostExposed is how exposed the service may be, of 10.
const mostExposed = 1.5

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

func TestSystemdUnit(t *testing.T) {
	need(t, "systemd-analyze", "systemd")
	data, err := os.ReadFile("systemd/kiebot.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "kiebot.service") // verify wants the program to be there
	data = []byte(strings.Replace(string(data), "ExecStart=/usr/local/bin/kiebot", "ExecStart="+must(exec.LookPath("true")), 1))
	if err := os.WriteFile(unit, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--no-pager", "--offline=true", unit).CombinedOutput()
	found := exposure.FindSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	if level, err := strconv.ParseFloat(string(found[1]), 64); err != nil || level > mostExposed {
		t.Errorf("the service is exposed at %s, want at most %v\n%s", found[1], mostExposed, out)
	}
}

func must(path string, err error) string {
	if err != nil {
		panic(err)
	}
	return path
}
