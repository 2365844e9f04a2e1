# One obvious command for each thing. `make run` and `make test` set up all they need, once, in .venv.
#
#   make run                 index what changed, then the Telegram bot (with a token) or a chat in the terminal
#   make run Q="…"           answer one question and exit
#   make test                the tests                     make lint    style, types, dependencies
#   make audit               known vulnerabilities of the dependencies; fails where nobody can be asked about them
#   make test-crash          the crash tests at length: KILLS=40 processes, at moments that SEED=… decides
#   make bench               speed, as ratios              make eval    quality on seeds/ (EVAL="DIR …" for other sets)
#   make soak                5,000 questions from 200 people: is one lost, does memory grow (MODE=webhook, PACED=1)
#   make arms                each part of retrieval and answering alone, on EVAL, at most LIMIT questions a set
#
# On Linux the default build of PyTorch brings several GB for GPUs. For the small CPU build, name its package index:
#   make run TORCH_INDEX=…   the address that pytorch.org shows under Get Started for Linux, Pip, CPU

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
EVAL ?= seeds
LIMIT ?= 500
# More than cores: many tests wait, for a clock or for a process.
WORKERS ?= 5
KILLS ?= 40
SEED ?= $(shell date +%s)
QUESTIONS ?= 5000
PEOPLE ?= 200
MODE ?= polling
PACED ?=
export PIP_DISABLE_PIP_VERSION_CHECK = 1

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --constraint requirements.lock

.PHONY: run test test-crash lint audit bench soak eval arms wheel clean
.DELETE_ON_ERROR:

run: $(VENV)/run.done
	@$(BIN)/footnote run $${Q:+-- "$$Q"}

# Even where it is not to be kept elsewhere: each of many processes would compile all of us anew.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/dev.done
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

test-crash: $(VENV)/dev.done
	$(BIN)/python -m pytest -m 'crash or nightly' --crashes $(KILLS) --seed $(SEED)

lint: $(VENV)/dev.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m tests.dependencies $(if $(AUDIT),--must)

audit: $(VENV)/dev.done
	$(BIN)/python -m tests.dependencies --must

bench: $(VENV)/dev.done
	$(BIN)/python -m tests.bench

soak: $(VENV)/dev.done
	$(BIN)/python -m tests.bench.soak --questions $(QUESTIONS) --people $(PEOPLE) --mode $(MODE) $(if $(PACED),--paced)

eval: $(VENV)/run.done
	@for set in $(EVAL); do echo "== $$set"; $(BIN)/footnote eval $$set --data .eval/$$(basename $$set) || exit 1; done

arms: $(VENV)/dev.done
	$(BIN)/python -m tests.bench.arms $(EVAL) --limit $(LIMIT)

wheel: $(VENV)/dev.done
	$(BIN)/python -m build --wheel --outdir dist

clean:
	rm -rf $(VENV) .bench .eval build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Footnote needs Python 3.11 or newer; $(PYTHON) is older or missing. Name one: make run PYTHON=python3.12" >&2; \
	  exit 1; }
	@echo "Setting up in $(VENV): this takes a few minutes, once." >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python could not make a virtual environment. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# PyTorch comes first, so that the index named for it is asked for nothing else.
$(VENV)/torch.done: requirements.lock | $(VENV)/bin/python
	@$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	@touch $@

$(VENV)/run.done: $(VENV)/torch.done pyproject.toml
	@$(PIP) --editable .
	@touch $@

$(VENV)/dev.done: $(VENV)/torch.done pyproject.toml
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/run.done $@
