# make demo   shows the main job on a lab of three machines     make test   everything that is tested
# make test-full  every case of each test; make test has a sample that has each value of each parameter
# make lint   all linters        make lab   a lab to try by hand      make chaos   1,000 random cuts and kills
# make chaos-keeper  1,000 rounds of the keeper alone, under dash, busybox and bash
# make skew  this release and an earlier one on the same fleet, each with what the other started (EARLIER=COMMIT)
# make directed  each fault at its chosen moment, 50 times, beside busy loops
# make simulate  many simulated histories; SEEDS=N for more or fewer
# make mutants  each wrong change of the list is put into a copy, and a test has to find it
# make chaos-kept  200 runs of 50 hosts whose engine, ansible-playbook or worker is killed
# make chaos-mesh  100 runs of 60 hosts over execution nodes, one of which is killed
# make chaos-claims  200 rounds of 64 dispatchers that want one issue, and zombies that come back
# make engine-soak  2,000 calls of one engine                   make keeper  the keeper under all four shells
# make golden  all scenarios end as they are recorded (DX_GOLDEN=record records them anew)
# make schemas  writes the JSON Schema files of the package, and the tables of states, again
# make pictures  writes the pictures of the documents again, from real runs on a lab
# make flood  2 GB through a pipe and into a document, in fixed memory and disk
# make matrix  a sample with each ansible-core and each Python that is here; MATRIX=--oldest for the oldest pair
# make when-back  30 of 100 hosts are off, and come back at random
# make agents-latest  tests the newest release of each agent, and the one before, and says which record breaks
# make bench  how fast it is beside other tools (BENCH='--samples 3 --only warm' for less)
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH_VENV := .cache/bench/venv
BENCH ?=
GALAXY_VENV := .cache/galaxy/venv
MATRIX ?=
DIRECTED ?=
EARLIER ?= 30979a6
SEEDS ?= 100000
export PATH := $(CURDIR)/$(BIN):$(PATH)
JOBS ?= 5
AGENTS ?= /tmp/dxansible-agents-$(shell id -u)
COMMUNITY ?= $(CURDIR)/.cache/community

.PHONY: simulate mutants demo skew test test-full lint molecule lab chaos chaos-keeper directed chaos-kept chaos-mesh chaos-claims keeper golden engine-soak schemas pictures flood when-back bench matrix agents-latest clean system-demo system-test system-bench

demo: $(VENV)/.demo system-demo
	$(BIN)/python -m tests.demo

test: $(VENV)/.test system-test
	scripts/agents.sh $(AGENTS)
	scripts/community.sh $(COMMUNITY)
	$(MAKE) --no-print-directory molecule
	DX_TEST_AGENTS=$(AGENTS) DX_TEST_COMMUNITY=$(COMMUNITY) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

test-full:
	DX_EVERY_CASE=yes $(MAKE) --no-print-directory test

lint: $(VENV)/.test $(GALAXY_VENV)/.ready system-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	ANSIBLE_COLLECTIONS_PATH=playbooks/collections $(BIN)/ansible-lint --offline
	cat playbooks/collections/ansible_collections/dxansible/fleet/files/keeper/*.sh | shellcheck -s sh -
	shellcheck .ci/run scripts/*.sh playbooks/collections/ansible_collections/dxansible/fleet/files/*.sh
	scripts/galaxy.sh $(GALAXY_VENV)

molecule: $(VENV)/.test system-test
	scripts/molecule.sh default
	scripts/molecule.sh faults

lab: $(VENV)/.demo system-demo
	$(BIN)/python -m tests.lab up

chaos: $(VENV)/.test system-test
	$(BIN)/python -m tests.chaos --rounds 1000

chaos-keeper: $(VENV)/.test system-test
	PYTHONPATH=playbooks/collections $(BIN)/python -m tests.chaos.keeper --rounds 1000

simulate: $(VENV)/.test
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --verdicts --reasons

mutants: $(VENV)/.test system-test
	DX_TEST_AGENTS=$(AGENTS) $(BIN)/python -m tests.mutants

skew: $(VENV)/.test system-test
	scripts/earlier-release.sh $(PYTHON) $(EARLIER) .cache/earlier
	DX_EARLIER=$(CURDIR)/.cache/earlier/venv/bin $(BIN)/python -m pytest -n 2 tests/integration/test_version_skew.py

directed: $(VENV)/.test system-test
	$(BIN)/python -m tests.directed $(DIRECTED)

chaos-kept: $(VENV)/.test system-test
	$(BIN)/python -m tests.chaos.kept --rounds 200

chaos-mesh: $(VENV)/.test system-test
	$(BIN)/python -m tests.chaos.mesh --rounds 100

chaos-claims: $(VENV)/.test system-test
	$(BIN)/python -m tests.chaos.claims --rounds 200

keeper: $(VENV)/.test system-test
	DX_ALL_SHELLS=yes DX_EVERY_CASE=yes $(BIN)/python -m pytest -n $(JOBS) tests/integration/keeper

golden: $(VENV)/.test
	DX_GOLDEN=$${DX_GOLDEN:-all} $(BIN)/python -m pytest -n 2 --dist worksteal tests/golden

engine-soak: $(VENV)/.test
	DX_SOAK_CALLS=2000 $(BIN)/python -m pytest tests/unit/kept/test_many.py

schemas: $(VENV)/.test
	$(BIN)/python -m tests.schemas
	$(BIN)/python -m tests.state_tables

pictures: $(VENV)/.test system-test
	$(BIN)/python -m tests.pictures

flood: $(VENV)/.test system-test
	DX_FLOOD_BYTES=2000000000 DX_EVERY_CASE=yes $(BIN)/python -m pytest tests/integration/test_back_pressure.py tests/integration/test_bytes.py -k flood

matrix: $(VENV)/.test
	$(BIN)/python -m tests.matrix $(MATRIX)

agents-latest: $(VENV)/.test system-test
	$(BIN)/python -m tests.agents_latest $(AGENTS)-latest

when-back: $(VENV)/.test system-test
	DX_AWAITED_HOSTS=100 $(BIN)/python -m pytest tests/integration/test_when_back.py -k random

bench: $(BENCH_VENV)/.ready system-bench
	$(BENCH_VENV)/bin/python -m benchmarks $(BENCH)

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache

system-demo:
	@scripts/system-packages.sh optional openssh-server

system-test:
	@scripts/system-packages.sh required openssh-server openssl receptor zsh fish mandoc busybox shellcheck procps iproute2

system-bench:
	@scripts/system-packages.sh required openssh-server iproute2

$(VENV)/.demo: pyproject.toml
	@scripts/make-venv.sh $(PYTHON) $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: pyproject.toml
	@scripts/make-venv.sh $(PYTHON) $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test,lint,molecule]'
	@touch $@ $(VENV)/.demo

$(BENCH_VENV)/.ready: pyproject.toml benchmarks/requirements.txt
	@scripts/make-venv.sh $(PYTHON) $(BENCH_VENV)
	$(BENCH_VENV)/bin/pip install --quiet --disable-pip-version-check -e . -r benchmarks/requirements.txt
	@touch $@

$(GALAXY_VENV)/.ready: Makefile
	@mkdir -p $(dir $(GALAXY_VENV))
	@scripts/make-venv.sh $(PYTHON) $(GALAXY_VENV)
	$(GALAXY_VENV)/bin/pip install --quiet --disable-pip-version-check 'antsibull-changelog>=0.31' 'galaxy-importer>=0.4.31'
	@touch $@
