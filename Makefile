# Short names for what scripts/ does; `make` alone lists them.
.DEFAULT_GOAL := help
MINUTES ?= 10
.PHONY: help demo test soak fuzz up bench format tidy clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: ## set up, build and run the demo's task graph
	@scripts/demo

test: ## everything that has to pass before a merge
	@scripts/test

soak: ## simulate for MINUTES=n with fresh seeds, totals as JSON
	@scripts/soak $(MINUTES)

fuzz: ## feed what reads strangers' bytes for MINUTES=n, in all
	@scripts/setup && scripts/fuzz --minutes $(MINUTES)

up: ## build and start the platform, and keep serving
	@scripts/build troupe && exec build/release/apps/troupe/troupe up

bench: ## build and run the benchmarks, results as JSON; FULL=1: at full size
	@scripts/bench

format: ## format the source in place
	@git ls-files -z '*.h' '*.cpp' | xargs -0 clang-format-14 -i

tidy: ## clang-tidy over the whole source
	@scripts/tidy --all

clean: ## delete what was built
	@rm -rf build
