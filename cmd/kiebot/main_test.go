package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be kiebot itself, for the scripts and for the
// tests that start and kill processes.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kiebot": main})
}

// TestScripts runs what people type. Each script has an empty folder and an
// environment without any setting.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("TMPDIR", env.WorkDir)
			env.Setenv("METRICS_ADDR", "127.0.0.1:0") // scripts run side by side
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"lines":       atMostLines,
			"differ":      differ,
			"decodes":     decodes,
			"services":    services,
			"first-serve": firstServed,
			"ready":       ready,
			"exits":       exits,
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}
