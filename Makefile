# capprof: `make demo` shows it at work, `make test` passes everything.
# Both install what is missing on Debian, as root, or say what to install.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -X main.version=$(VERSION)
FUZZTIME ?= 20000x

.PHONY: build
build:
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/capprof ./cmd/capprof

.PHONY: demo
demo:
	scripts/prerequisites demo
	$(MAKE) build
	$(GO) run ./internal/demo bin/capprof

# -p 1: the packages share one container engine, and one of them looks for leftovers.
.PHONY: test
test:
	scripts/prerequisites test
	$(GO) vet ./...
	$(GO) test -count=1 -p 1 -timeout 40m ./...

# The same workloads on an engine of the tests' own, with overlay2.
.PHONY: test-overlay2
test-overlay2:
	scripts/prerequisites test
	CAPPROF_TEST_ENGINE=overlay2 $(GO) test -count=1 -p 1 -timeout 40m ./internal/engine/docker ./internal/e2e

# What every engine must do, on a Podman of the tests' own.
.PHONY: test-podman
test-podman:
	scripts/prerequisites podman
	CAPPROF_TEST_ENGINE=podman $(GO) test -count=1 -timeout 30m -run TestContract ./internal/engine/docker

.PHONY: bench
bench:
	scripts/prerequisites bench
	$(MAKE) build
	$(GO) run ./bench

# Every case against brute force: its smallest sets by removal, and capprof's.
.PHONY: truth
truth:
	scripts/prerequisites truth
	$(MAKE) build
	$(GO) run ./internal/truth

# Other kernels and engines, in virtual machines of Debian packages.
.PHONY: test-kernels
test-kernels:
	scripts/prerequisites kernels
	$(GO) run ./internal/kernels

# Records the profiles of well-known programs anew.
.PHONY: profiles
profiles:
	scripts/prerequisites test
	$(GO) test -count=1 -run TestRecordedProfiles ./internal/e2e -record
	$(GO) test ./internal/report ./internal/drift ./internal/explain -run TestGolden -update

.PHONY: generate
generate:
	scripts/prerequisites generate
	$(GO) generate ./...

# The committed BPF objects and Go types are what the sources give.
.PHONY: check-generated
check-generated: generate
	git diff --exit-code -- '*_bpfel.go' '*_bpfel.o'

.PHONY: lint
lint:
	$(GO) tool -modfile=tools/go.mod golangci-lint run ./...

.PHONY: fuzz
fuzz:
	scripts/fuzz $(FUZZTIME)

.PHONY: clean
clean:
	rm -rf bin
