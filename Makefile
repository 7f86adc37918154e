# agentkit: two commands set everything up on a fresh machine: `make run` and `make test`.
PYTHON      ?= python3
# Where pip finds the CPU build of PyTorch, unless it is configured to know already.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
BIN         := .venv/bin
QUESTION    ?= "What does the SQLITE_BUSY result code indicate, and how does SQLITE_BUSY differ from SQLITE_LOCKED?"
LOCAL       := . $(patsubst %/pyproject.toml,./%,$(wildcard plugins/*/pyproject.toml environments/*/pyproject.toml))
STAMP       := .venv/.stamp-$(shell cat constraints.txt Makefile $(addsuffix /pyproject.toml,$(LOCAL)) | cksum | cut -d' ' -f1)
TYPED       := agentkit $(wildcard plugins/*/agentkit_* environments/*/agentkit_*)
PIP         := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt
export OMP_WAIT_POLICY := PASSIVE
export GOMP_SPINCOUNT  := 0
export TOKENIZERS_PARALLELISM := false

.PHONY: help run test check lint bench docs setup models appium system clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s:

run: setup models  ## answer a question from the documents in this repository
	@$(BIN)/agentkit run research $(QUESTION)
	@printf '%s\n' '' 'Next:' \
	  '  $(BIN)/agentkit run research "Which GPU does SQLite use for full text search?"' \
	  '  $(BIN)/agentkit research "your question" --source a/folder/of/yours' \
	  '  $(BIN)/agentkit models ask small "Name three rivers."' \
	  '  $(BIN)/agentkit runs list' \
	  '  $(BIN)/agentkit console last' \
	  '  docs/agents.md, docs/console.md, examples/'
	@$(BIN)/agentkit console last --ask

test: setup models appium lint  ## lint, types and all tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: setup models lint  ## lint, types and the fast tests
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

lint: setup
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary $(TYPED)

bench: setup models  ## run every experiment and write docs/results
	$(BIN)/agentkit bench --all

docs: setup  ## make the generated pages again: hooks, commands, results index
	$(BIN)/python scripts/docs.py

setup: $(STAMP) system  ## .venv with everything in it

$(STAMP): 
	@test -d .venv || $(PYTHON) -m venv .venv
	@rm -f .venv/.stamp-*
	@echo "installing packages into .venv (some minutes the first time)"
	@$(PIP) $(if $(PIP_FIND_LINKS),,--extra-index-url $(TORCH_INDEX)) torch hatchling editables
	@$(PIP) --no-build-isolation $(foreach dist,$(LOCAL),--editable '$(dist)$(if $(filter .,$(dist)),[dev])')
	@$(BIN)/python -m pip check --disable-pip-version-check
	@touch $@

models: setup  ## the small models that run here (fetched and converted once)
	@$(BIN)/agentkit models get smollm2-135m minilm

appium: setup  ## a real Appium server, for the phone's tests (fetched once)
	@sh scripts/appium.sh "$$($(BIN)/python -c 'from agentkit.files import cache_dir; print(cache_dir())')/appium"

system:
	@sh scripts/system-packages.sh

clean:  ## forget .venv and what tools left behind
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
