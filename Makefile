# One command for people and CI. Everything is installed into .venv; nothing outside this folder is touched.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PAIR ?= leadtrekker-nutshell
KILLS ?= 60
UNDONE ?= 24
PARTS ?= 0
CUTS ?= 100
MINUTES ?= 60
MUTANTS ?= 600
JOBS ?= 2
STORM := tests/storm
TOOLS := tests/tools
SERVICE := tests/service
CONTAINER := tests/container
FACES := tests/flow_bad tests/acceptance tests/third_platform tests/security/test_purge.py \
	$(filter-out tests/flow/test_kills.py tests/flow/test_torture.py,$(wildcard tests/flow/test_*.py))
VOYAGES := tests/migration
# Compiled files are kept: the tests start many processes, and none of them is to compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types unit faces voyages storm crashes tools service container power bench torture simulate months soak drill fuzz readback mutants requirements sbom clean

help:  ## say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP)  ## install into .venv

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "streamflow needs Python 3.11 or newer; set PYTHON=..."; exit 69; }
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

demo: $(STAMP)  ## a whole migration on the built-in sandbox, about a minute
	$(PY) -m streamflow.cli demo --pair $(PAIR)

test: lint types unit  ## lint, strict types, and every test that takes seconds; CI calls `faces` and `voyages` as well

lint: $(STAMP)
	$(VENV)/bin/ruff check .

types: $(STAMP)
	$(VENV)/bin/mypy

unit: $(STAMP)
	$(PY) -m pytest -q -n 4 --dist loadfile $(addprefix --ignore=,$(FACES) $(VOYAGES) $(STORM) $(TOOLS) $(SERVICE) $(CONTAINER))

faces: $(STAMP)  ## every bad input on the outside faces, and whole runs with real processes; some ten minutes
	$(PY) -m pytest -q -n 4 --dist loadfile $(FACES)

voyages: $(STAMP)  ## the phases of a migration one by one, gates to rollback, each from a run that came so far; some three minutes
	$(PY) -m pytest -q -n 4 --dist loadfile $(VOYAGES)

storm: $(STAMP)  ## the machine beneath the daemon fails (disk, memory, files, clocks, the log's reader), and every hostile answer; needs root for ext4 and for threads, and libfaketime; some half an hour
	$(PY) -m pytest -q -n 2 --dist loadfile $(STORM)

crashes: $(STAMP)  ## 100,000 states in which a power cut may leave the ledger's files, and two controls that must fail; prints the seed
	$(PY) -m tests.crashes

tools: $(STAMP)  ## what ships, read by systemd-analyze, promtool and a real Prometheus, which must be there; half a minute; CI calls it
	$(PY) -m pytest -q $(TOOLS)

service: $(STAMP)  ## the unit beneath a real systemd; needs root and systemd-nspawn; some three minutes
	$(PY) -m pytest -q -s $(SERVICE)

container: $(STAMP)  ## the image built without a registry, and a whole run in it; needs root, mmdebstrap, buildah, podman and runc
	$(PY) -m pytest -q -s $(CONTAINER)

power: $(STAMP)  ## whole runs in an emulated machine whose power is cut, on a disk that forgets what was not flushed; needs root, QEMU, mmdebstrap and e2fsprogs; an hour
	$(PY) -m tests.power --cuts $(CUTS) --jobs $(JOBS) $(if $(filter command environment,$(firstword $(origin PAIR))),--pair $(PAIR)) $(POWER)

bench: $(STAMP)  ## the figures, as ratios in one run
	$(PY) -m tests.bench --pair $(PAIR)

torture: $(STAMP)  ## whole runs killed at random under each profile of faults, at every named point, and while taken back, in whole or in part; KILLS=1000 for the long run
	$(PY) -m tests.flow.torture --kills $(KILLS) --undone $(UNDONE) --parts $(PARTS) --jobs $(JOBS) $(if $(filter command environment,$(firstword $(origin PAIR))),--pair $(PAIR)) $(TORTURE)

simulate: $(STAMP)  ## 2,000 seeded worlds with crashes in virtual time, and the bugs they must find; half an hour
	$(PY) -m tests.simulate --worlds 2000 --jobs 2
	$(PY) -m tests.simulate --bugs --jobs 2

months: $(STAMP)  ## ninety days of polls, a month of calls, an hour of a change a second, all in virtual time; three quarters of an hour
	$(PY) -m tests.simulate --days 90 --first 1
	$(PY) -m tests.simulate --pace 30 --first 1
	$(PY) -m tests.simulate --lag 60 --first 1

soak: $(STAMP)  ## a real daemon for an hour on both platforms, told to wait now and then: calls, memory, files and lag seen from outside; MINUTES=60
	$(PY) -m tests.soak --minutes $(MINUTES) $(if $(filter command environment,$(firstword $(origin PAIR))),--pair $(PAIR)) $(SOAK)

drill: $(STAMP)  ## a thousand creates whose outcome nobody was told, where the search lags as measured and where nobody knows how much; a few minutes
	$(PY) -m tests.drill

fuzz: $(STAMP)  ## every parser of foreign input fed with odd values for a quarter of an hour, a million or more; prints the seeds
	$(PY) -m tests.fuzz --seconds 300
	$(PY) -m tests.fuzz --seconds 600 --mutated

readback: $(STAMP)  ## a thousand values spoilt in migrated accounts, each of which must be told and nothing else; some minutes
	$(PY) -m tests.readback

mutants: $(STAMP)  ## small faults made one at a time in the rulings on writes, checkpoints and the switch, and which of them no test finds; some ten minutes; MUTANTS=0 for all
	$(PY) -m tests.mutants --sample $(MUTANTS)

requirements:  ## compile the pinned requirements anew
	$(PY) -m pip install --quiet pip-tools
	for set in base dev; do $(VENV)/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links -o requirements/$$set.txt requirements/$$set.in; done

sbom: $(STAMP)  ## the bill of materials of what is installed with the program (CycloneDX), from the pins with their hashes and licences
	$(PY) -m tests.sbom build/sbom.cdx.json

clean:  ## remove what was installed and built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
