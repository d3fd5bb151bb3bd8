# Everything sets itself up: a virtual environment in .venv, made anew when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet

# Empty is unset: tests start hundreds of processes, and each would compile all modules anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo docs docs-links test-notebooks test fuzz test-lowest test-torch test-web test-web-schema shots test-scale bench-web check bench bench-accuracy format clean help

help:
	@echo "make demo   render a small town, recognise its places, write a report"
	@echo "make test   run the tests"
	@echo "make docs   build the documentation site into docs/_build (installs Sphinx)"
	@echo "make fuzz   send hostile input to all that reads strangers' files, SECONDS=60 each"
	@echo "make test-lowest  run the tests with the lowest versions that pyproject.toml allows"
	@echo "make test-notebooks  run the notebooks of examples/ (installs a Jupyter kernel)"
	@echo "make test-torch  run the tests of exporting and training models (installs PyTorch)"
	@echo "make test-web  run the tests of the server and its page (installs FastAPI, schemathesis and Playwright)"
	@echo "make shots  make the pictures of README.md and docs/ anew"
	@echo "make test-web-schema  ask a server over 2,000 generated requests"
	@echo "make test-scale  run the tests with a real Milvus and a real Ray cluster (installs both)"
	@echo "make check  lint, types, and the rules of the house"
	@echo "make bench  measure speed against a named peer (installs PyTorch for the peer)"
	@echo "make bench-web  load a server for a minute, and kill one in the middle of writes, ten times"
	@echo "make bench-accuracy  measure every preset on every set of real photographs"

$(VENV)/pip: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade "pip>=25.1"
	@touch $@

$(VENV)/run: $(VENV)/pip
	$(PIP) --editable .
	@touch $@

# Packages are compiled where they are first imported: most of their modules never are. Ours all are, in every test process.
$(VENV)/dev: $(VENV)/pip
	$(PIP) --no-compile --editable . --group dev
	$(BIN)/python -m compileall -q -j 0 src town
	@touch $(VENV)/run $@

$(VENV)/check: $(VENV)/dev
	$(PIP) --group check
	@touch $@

$(VENV)/torch: $(VENV)/dev
	$(PIP) --group torch
	@touch $@

$(VENV)/bench: $(VENV)/torch
	$(PIP) --group bench
	-$(PIP) hnswlib || echo "hnswlib needs a compiler: it is left out"
	@touch $@

$(VENV)/scale: $(VENV)/dev
	$(PIP) --group scale
	@touch $@

$(VENV)/web: $(VENV)/dev
	$(PIP) --group web
	@touch $@

$(VENV)/docs: $(VENV)/run
	$(PIP) --group docs
	@touch $@

$(VENV)/notebooks: $(VENV)/dev
	$(PIP) --group notebooks
	@touch $@

$(VENV)/fuzz: $(VENV)/web
	$(PIP) --group fuzz || echo "atheris does not install here: inputs are changed at random"
	@touch $@

# Without the group torch: uv does not look for it where pip does. What it depends on is tested with the rest.
$(LOWEST)/dev: pyproject.toml
	$(PYTHON) -m venv --clear $(LOWEST)
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(LOWEST)/bin/python -m pip install --quiet "uv>=0.5"
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --editable . --group dev --group web
	@touch $@

demo: $(VENV)/run
	rm -rf demo
	$(BIN)/python -m town demo/town
	$(BIN)/placeprint run demo/town -o demo/out
	@echo "Open demo/out/report.html in a browser."

# Without a network from what is installed; a warning is an error. Links to other hosts: make docs-links.
docs: $(VENV)/docs
	$(BIN)/python -m sphinx --quiet --fail-on-warning --jobs auto -b html docs docs/_build
	@echo "Open docs/_build/index.html in a browser."

docs-links: $(VENV)/docs
	$(BIN)/python -m sphinx --quiet -b linkcheck docs docs/_build/links

# In two processes, whole files at a time and the slow ones first: what a module's tests share is made once.
# TESTS chooses some.
TESTS ?= tests
test: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

# TARGET chooses one, see tests/fuzz/target.py; what fails is kept in .fuzz, with the line that repeats it.
SECONDS ?= 60
fuzz: $(VENV)/fuzz
	$(BIN)/python -m tests.fuzz $(TARGET) --seconds $(SECONDS)

# Old packages deprecate what newer ones below them have dropped since, which is no fault of ours: `make test` is strict.
# With PYTHON a 3.11: for a newer one some of these versions have no wheels.
LENIENT := -W ignore::DeprecationWarning -W ignore::PendingDeprecationWarning
LOWEST_TESTS ?= tests/unit tests/contracts tests/e2e
test-lowest: $(LOWEST)/dev
	$(LOWEST)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
		$(LENIENT) $(LOWEST_TESTS)
	$(LOWEST)/bin/python -m pytest -n 2 --dist loadfile $(LENIENT) tests/web --ignore tests/web/page

test-notebooks: $(VENV)/notebooks
	$(BIN)/python -m pytest tests/e2e/test_notebooks.py

test-torch: $(VENV)/torch
	$(BIN)/python -m pytest tests/exporting tests/training

# The fuzzed server by itself: the browser of the page's tests keeps an event loop running.
test-web: $(VENV)/web
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/web tests/unit/test_public_names.py
	$(BIN)/python -m pytest tests/unit/test_fuzz.py

# The same tests keep what they draw: look at each before it is committed.
shots: $(VENV)/web
	PLACEPRINT_SHOTS=docs $(BIN)/python -m pytest tests/web/page/test_page_shots.py

test-web-schema: $(VENV)/web
	PLACEPRINT_SCHEMA_EXAMPLES=200 $(BIN)/python -m pytest tests/web/test_description.py

# In two processes, each with a server of its own: most of the time is waiting for servers. SCALE chooses files.
# Real engines on a busy machine may be too slow once: what failed is asked once more, by itself, and then it counts.
SCALE ?= tests/scale
test-scale: $(VENV)/scale
	$(BIN)/python -m pytest -n 2 --dist loadfile $(SCALE) || $(BIN)/python -m pytest $(SCALE) --last-failed

check: $(VENV)/check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/check
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/bench
	$(BIN)/python benchmarks/bench.py

bench-web: $(VENV)/web
	$(BIN)/python benchmarks/serving.py
	$(BIN)/python benchmarks/serving_kill.py

bench-accuracy: $(VENV)/dev
	$(BIN)/python benchmarks/accuracy.py

clean:
	rm -rf $(VENV) $(LOWEST) .venv-3.* demo out docs/_build docs/reference .fuzz .pytest_cache .mypy_cache .ruff_cache
