# The developer's index. `make quickstart` shows the main job, `make test` tests everything.

CARGO ?= cargo
DENY_VERSION = 0.20.2
DEB_VERSION = 3.8.0
RPM_VERSION = 0.21.1
TOOLS = $(CURDIR)/target/tools

.PHONY: quickstart package test test-long test-rust test-peers test-browser test-monitoring test-units test-manual test-completions \
    test-package test-system lint format bench bench-scale tools help

help: ## What can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

quickstart: ## An org, the daemon, two syncs, and a look around; ONCE=1 ends by itself
	@$(CARGO) build --workspace --bins
	@examples/quickstart.sh

package: tools ## The .deb and the .rpm, in target/packages
	@PATH="$(TOOLS)/bin:$$PATH" packaging/build.sh

test: test-rust test-units test-manual test-completions test-peers test-browser test-monitoring ## Everything but what needs root

test-long: ## 10,000 cases of the laws on removals; USERSYNCD_PROOF_FROM=n for other seeds
	USERSYNCD_PROOF_CASES=10000 $(CARGO) test --release --test proof -- --nocapture

test-rust: export RUST_TEST_THREADS ?= 6
test-rust: ## Unit and integration tests; most of them wait for something, so more run at once than there are cores
	$(CARGO) test --workspace --quiet

test-units: ## systemd accepts the units and finds them safe
	@systemd/verify.sh

test-package: tools ## lintian and rpm find nothing wrong with the packages
	@PATH="$(TOOLS)/bin:$$PATH" tests/package/run.sh

test-system: tools ## The package lives in a real systemd, in a container; needs root, not part of `make test`
	@PATH="$(TOOLS)/bin:$$PATH" tests/system/run.sh

test-manual: ## groff, man and mandoc read the manual pages
	@tests/manual/run.sh

test-completions: ## bash, zsh and fish complete command lines
	@tests/completions/run.sh

test-peers: ## Programs that others wrote read the stand-ins, and try the control socket
	@tests/peers/run.sh

test-browser: ## A browser opens the page of a run and the status page
	@tests/browser/run.sh

test-monitoring: ## A Prometheus scrapes a daemon: alert rules, dashboard and runbook
	@tests/monitoring/run.sh

lint: tools ## Format, clippy, licences and sources of dependencies
	$(CARGO) fmt --all --check
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	PATH="$(TOOLS)/bin:$$PATH" $(CARGO) deny --log-level error check bans licenses sources

format: ## Format everything
	$(CARGO) fmt --all

bench: ## Scope and mapping alone; then Atlassian's published workload: time, memory and requests, and into each target
	$(CARGO) build --release --workspace --bins
	$(CARGO) bench --bench desire
	$(CARGO) bench --bench sync
	$(CARGO) bench --bench targets

bench-scale: ## Large orgs, incremental runs, Okta's limits: hours; WORKLOADS=hundred-thousand,million,limits,shared chooses
	$(CARGO) build --release --workspace --bins
	$(CARGO) bench --bench scale

tools:
	@PATH="$(TOOLS)/bin:$$PATH"; \
	for tool in cargo-deny@$(DENY_VERSION) cargo-deb@$(DEB_VERSION) cargo-generate-rpm@$(RPM_VERSION); do \
	  command -v "$${tool%@*}" >/dev/null || $(CARGO) install --quiet --locked --root "$(TOOLS)" "$$tool" || exit 1; \
	done
