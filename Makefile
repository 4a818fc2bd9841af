.DEFAULT_GOAL := help
.PHONY: help demo test race model modelpg bench lint vuln fuzz crash build image release deploy

FUZZTIME ?= 10s
FUZZPKGS ?= ./...
MODELTASKS ?= 100000
MODELSEED ?= 0
PGTASKS ?= 2000
BIN ?= bin/kiebot
DOCKER ?= docker

help: ## show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## try kiebot in the browser, without an account
	go run ./cmd/kiebot demo

test: ## run all tests; more at once than there are processors, for many of them wait
	go test -parallel 4 ./...

race: ## run all tests with the race detector, in random order
	go test -race -shuffle=on ./...

model: ## hold random histories of MODELTASKS (100000) tasks against the promises, fresh ones or those after MODELSEED, and a year against its disk
	GOGC=off GOMEMLIMIT=1GiB GODEBUG=tracebacklabels=1,adaptivestackstart=1 go test ./core -run '^Test(Model|Year)$$' -v -failfast -timeout 30m -model.tasks $(MODELTASKS) -model.base $(MODELSEED) -year.tasks 200

modelpg: ## the same histories of PGTASKS (2000) tasks by one kiebot, and by three, on a real PostgreSQL, and what two do together
	go test ./core -run '^Test(Model|TwoReplicas)$$' -v -failfast -timeout 20m -world.postgres -model.tasks $(PGTASKS) -model.base $(MODELSEED)
	go test ./core -run '^TestModel$$' -v -failfast -timeout 20m -world.postgres -world.replicas 3 -model.tasks $(PGTASKS) -model.base $(MODELSEED)

bench: ## measure what README's performance table says, and write it there
	go test . -run '^TestMeasured$$' -v -timeout 2h -measure

lint: ## formatting, vet and staticcheck
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	go vet ./...
	go tool staticcheck ./...

vuln: ## known vulnerabilities, when their database can be reached
	go tool govulncheck ./...

fuzz: ## run every fuzz target of FUZZPKGS (all) for FUZZTIME (10s), three at a time
	@for pkg in $$(go list $(FUZZPKGS)); do \
	  go test -list '^Fuzz' $$pkg | sed -n "s|^Fuzz.*|$$pkg & $(FUZZTIME)|p"; \
	done | xargs -P 3 -L 1 .ci/fuzz

crash: ## kill it and cut its power at every system call and sync; needs strace
	go test ./storage/bolt -run 'TestDieAtEverySystemCall|TestPowerLoss' -crash.all -v -timeout 60m

build: ## build BIN (bin/kiebot), static and stripped
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o $(BIN) ./cmd/kiebot

image: build ## build the container image kiebot, with DOCKER (docker)
	$(DOCKER) build -f deploy/docker/Dockerfile -t kiebot .

release: ## build a release into dist/: every platform, checksums, what is in it
	deploy/release

deploy: ## check what is in deploy/; needs systemd-analyze, promtool, buildah and caddy
	cd deploy && go vet ./... && go test -v ./...
