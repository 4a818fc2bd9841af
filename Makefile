.DEFAULT_GOAL := help
.PHONY: help demo test race lint vuln fuzz build

FUZZTIME ?= 10s

help: ## show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## try kiebot in the browser, without an account
	go run ./cmd/kiebot demo

test: ## run all tests
	go test ./...

race: ## run all tests with the race detector, in random order
	go test -race -shuffle=on ./...

lint: ## formatting, vet and staticcheck
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	go vet ./...
	go tool staticcheck ./...

vuln: ## known vulnerabilities, when their database can be reached
	go tool govulncheck ./...

fuzz: ## run every fuzz target for FUZZTIME (10s)
	@for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done

build: ## build bin/kiebot, static
	CGO_ENABLED=0 go build -trimpath -o bin/kiebot ./cmd/kiebot
