# `make demo` and `make test` need only Python 3.11+ and make: each builds .venv from the hash-pinned lock.
PYTHON ?= python3
RUN := .venv/bin
ENVIRONMENT := .venv/.complete

.PHONY: demo test coverage lint format faults bench images lock clean

$(ENVIRONMENT): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(RUN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(RUN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(ENVIRONMENT)
	$(RUN)/checkline demo

test: $(ENVIRONMENT)
	$(RUN)/pytest tests

coverage: $(ENVIRONMENT)
	$(RUN)/checkline coverage

lint: $(ENVIRONMENT)
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

format: $(ENVIRONMENT)
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

# Hundreds of crashes under load, compared with an independent model, and three brokers that die in turn: more than an
# hour (as root, to fill a disk as well).
faults: $(ENVIRONMENT)
	$(RUN)/pytest -m long tests
	$(RUN)/python -m tests.faults

bench: $(ENVIRONMENT)
	$(RUN)/python -m tests.benchmarks

# Container images for tests/containers, where no image registry is reached: see infra/deploy/images/README.md.
images: $(ENVIRONMENT)
	$(RUN)/python -m infra.deploy.images

# Maintainers only (needs uv): resolve again after a change of pyproject.toml.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra development pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .checkline *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
