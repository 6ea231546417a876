# `make demo` and `make test` need nothing but Python >= 3.11: each makes .venv and installs first.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

DEMO_BENCHMARK ?= cell201/digits-on-photos
DEMO_SEARCHERS ?= random-search local-search regularized-evolution reinforce darts
DEMO_QUERIES ?= 200
DEMO_SEEDS ?= 10
DEMO_OUT ?= runs/demo

export PYTHON VENV
# pip installs without compiling, so what is compiled at the first import has to be kept
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check bench pages surrogates board tracks clean install install-dev

help:
	@echo "make demo    compare five searchers, train the winners, write a report"
	@echo "make test    every test"
	@echo "make check   formatting, lint, types, import rules and every test"
	@echo "make bench   the speed measurements"
	@echo "make pages   docs/tables, made from the tables"
	@echo "make surrogates  the shipped surrogates, fitted anew on every shipped table"
	@echo "make board   the leaderboards' pages, board/, made from their entries"
	@echo "make tracks  after a table was replaced: its tracks, their entries and the board"
	@echo "make clean   remove what the tools left behind; runs and .venv stay"

install:
	@scripts/install run

install-dev:
	@scripts/install dev

demo: install
	$(BIN)/nasbench compare $(DEMO_BENCHMARK) --no-report $(DEMO_SEARCHERS:%=--searcher %) \
	    --seeds $(DEMO_SEEDS) --queries $(DEMO_QUERIES) --out $(DEMO_OUT)
	$(BIN)/nasbench verify $(DEMO_OUT)
	$(BIN)/nasbench report $(DEMO_OUT)

test: install-dev
	scripts/check tests

check: install-dev
	scripts/check

bench: install-dev
	OMP_NUM_THREADS=1 $(BIN)/pytest benchmarks --benchmark-columns=min,median,ops

pages: install
	OMP_NUM_THREADS=1 $(BIN)/python scripts/table_pages.py

surrogates: install
	OMP_NUM_THREADS=1 $(BIN)/python scripts/ship_surrogates.py

board: install
	OMP_NUM_THREADS=1 $(BIN)/nasbench leaderboard build -o board

# RENEW=--unreleased: in the place of the versions that are there
tracks: install
	$(BIN)/python scripts/freeze_track.py --renew $(RENEW)
	OMP_NUM_THREADS=1 $(BIN)/python scripts/make_entries.py --missing
	$(MAKE) board

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
	    .import_linter_cache .benchmarks
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
