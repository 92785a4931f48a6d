# One line each over bootstrap.py, which sets .venv up first. ARGS="…" is handed on; PYTHON is any Python >= 3.11.
PYTHON ?= python3
TARGETS := bench test lint serve load sweep ceiling report compare setup lock help

.DEFAULT_GOAL := help
.PHONY: $(TARGETS)

$(TARGETS):
	@$(PYTHON) bootstrap.py $@ $(ARGS)
