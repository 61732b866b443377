# SPDX-License-Identifier: GPL-3.0-or-later
# The front door. Needs python3 (3.11 or later), make and git; makes everything else under .build.

PYTHON ?= python3
TESTS ?= tests/unit tests/contracts tests/queue tests/hazards tests/deploy tests/chaos
PYTEST_ARGS ?=
KEEP ?=
RECORD ?=
DO ?=
N ?=

B := $(CURDIR)/.build
LOCKS := uv test targets lint sanity build demo bench molecule controller-2.17 controller-newest awx ee ee-image docs
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help
.PHONY: help demo demo-down test test-targets lint sanity bench build molecule compile clean link lab-packages lab-vm
.PHONY: lab-fleet

# $(call env,NAME): a recipe line that makes the locked environment and puts it first on PATH.
env = $(PYTHON) tools/environment.py $(1); \
	export VIRTUAL_ENV="$(B)/venv-$(1)" PATH="$(B)/venv-$(1)/bin:$$PATH" PYTHONPATH="$(B)" \
	  ANSIBLE_HOME="$(B)/ansible" ANSIBLE_COLLECTIONS_PATH="$(B)"
# Finds or builds pueue; the tests and the demo read the variable.
pueue = FLEET_JOBS_PUEUE_BIN="$$($(PYTHON) tools/pueue.py)"; export FLEET_JOBS_PUEUE_BIN

help: ## Say what can be done here
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; \
	  do printf '%-20s%s\n' "$$name" "$$text"; done

demo: link ## Three queues on this machine, a bug, a fix, deploy.yml (KEEP=1 leaves the fleet up, RECORD=file.svg)
	@$(call env,demo); $(pueue); KEEP="$(KEEP)" RECORD="$(RECORD)" python demo/run

demo-down: ## End the fleet that KEEP=1 left up
	@$(call env,demo); FLEET_JOBS_PUEUE_BIN=. python demo/run down

# Two files at a time: a test waits for daemons longer than it computes. A debugger wants PYTEST_ARGS=-n0.
test: link ## All tests, then the units and a live run of every module on old and new Pythons
	@$(call env,test); $(pueue); python tests/support/interpreters.py; \
	  tests=; for one in $(TESTS); do if [ -e "$${one%%::*}" ]; then tests="$$tests $$one"; fi; done; \
	  python -m pytest -n 2 --dist loadfile $$tests $(PYTEST_ARGS)
	@if [ "$(origin TESTS)" = file ]; then $(MAKE) --no-print-directory test-targets; fi

test-targets: link ## The unit tests of module_utils on the oldest and the newest Python found
	@$(PYTHON) tools/targets.py $(PYTEST_ARGS)

.PHONY: test-controllers
test-controllers: link ## Deploy, all modules and playbooks under the oldest, a middle and the newest ansible-core
	@$(pueue); $(PYTHON) tools/controllers.py $(PYTEST_ARGS)

lint: link ## Format, style, types, arrows between rooms, playbooks, YAML, changelog
	@$(call env,lint); sh tools/lint.sh

sanity: ## ansible-test sanity on a copy of the tree, with an empty ignore list
	@$(call env,sanity); python tools/sanity.py

.PHONY: guides
guides: link ## The guides, typed as printed on a bare host (podman, root)
	@$(call env,test); $(pueue); python -m pytest tests/guides $(PYTEST_ARGS)

.PHONY: awx-test
awx-test: link ## Every template of AWX through ansible-runner, and awx_setup.yml against a fake of its API
	@$(call env,awx); $(pueue); python -m pytest -n 2 --dist loadfile tests/awx $(PYTEST_ARGS)

bench: link ## Side by side against peers; writes docs/benchmarks.md
	@$(call env,bench); $(pueue); python tools/bench.py

.PHONY: docs
docs: link ## docs/reference anew, dead links, HTML with search in .build/docs; WHAT=markdown alone is quick
	@$(call env,docs); python tools/docs $(WHAT) $(if $(TWICE),--twice)

build: ## The collection's tarball, in .build/dist
	@$(call env,build); python tools/stage.py --tracked "$(B)/stage"; \
	  ansible-galaxy collection build --force --output-path "$(B)/dist" "$(B)/stage"; \
	  rm -rf "$(B)/stage"

lab-packages: ## Install, as root, the Debian packages that the test machines need
	@$(PYTHON) tests/lab/packages.py --install

lab-vm: link ## Tests on a virtual machine; DO=build|up|down|ssh|inventory instead
	@if [ -n "$(DO)" ]; then $(PYTHON) tests/lab/vm.py $(DO); \
	else $(call env,test); $(pueue); python -m pytest tests/lab/vm $(PYTEST_ARGS); fi

lab-fleet: link ## N names over real ssh (root, sshd): the tests of many hosts; DO=up|down|ssh|inventory
	@$(call env,test); $(pueue); export FLEET_JOBS_LAB_HOSTS="$(N)"; if [ -n "$(DO)" ]; then \
	  python tests/lab/fleet.py $(DO) $(N); else python -m pytest tests/lab/many_hosts $(PYTEST_ARGS); fi

.PHONY: lab-containers
lab-containers: link ## Systemd containers over ssh (podman, root): their tests; DO=up|down|ssh|inventory (NAMES, GROUP, NETWORK)
	@$(call env,test); $(pueue); if [ -n "$(DO)" ]; then \
	  python tests/lab/containers.py $(DO) $(if $(GROUP),--group $(GROUP)) $(if $(NETWORK),--network $(NETWORK)) $(NAMES); \
	  else $(PYTHON) tools/environment.py molecule; python -m pytest tests/lab/containers $(PYTEST_ARGS); fi

molecule: link ## The scenarios of molecule, or SCENARIO=name; containers need root and podman (lab-packages)
	@$(call env,molecule); $(pueue); python tools/molecule.py $(SCENARIO) $(MOLECULE_ARGS)

.PHONY: ee ee-test
ee: build link ## The execution environment for AWX, an image from Debian's packages (podman, root); SAVE=file.tar
	@$(call env,ee); python tests/lab/ee_image.py $(if $(SAVE),--save "$(SAVE)") "$$(ls -t "$(B)"/dist/*.tar.gz | sed -n 1p)"

ee-test: link ## What is in that image, and a deploy that runs in it as on AWX; builds it where it can be built
	@$(call env,ee); $(pueue); python -m pytest tests/ee $(PYTEST_ARGS)

compile: ## Refresh the lock files in requirements
	@$(PYTHON) tools/environment.py uv; cd requirements; for name in $(LOCKS); do \
	  case $$name in targets) oldest=3.8;; *-2.17) oldest=3.10;; *-newest) oldest=3.12;; *) oldest=3.11;; esac; \
	  "$(B)/venv-uv/bin/uv" pip compile --quiet --upgrade --universal --python-version $$oldest \
	    --generate-hashes --no-header --no-emit-index-url --output-file $$name.txt $$name.in >/dev/null; \
	  done

clean: ## Remove all that make made here (the pueue cache outside the clone stays)
	@rm -rf "$(B)" .ansible .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis

link: # the tree under its collection name, where every tool finds it
	@mkdir -p "$(B)/ansible_collections/fleet"
	@ln -sfn ../../.. "$(B)/ansible_collections/fleet/jobs"
