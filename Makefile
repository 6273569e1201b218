# Two commands: `make demo` runs the hub on this machine, `make test` tests it. Each sets up what it needs.
.PHONY: demo test bench requirements messages screenshots lint
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo "make demo [PORT=8000]      run the hub on this machine, with a provider to try it with"
	@echo "make test                  all tests, on SQLite and on PostgreSQL, with lint and types beside them"
	@echo "make bench [ONLY=name]     measure; one JSON object a line"
	@echo "make requirements          which test proves which row of docs/security.md"
	@echo "make messages              bring the translations in locale/ in step with the sources"
	@echo "make screenshots [TO=dir]  pictures of every page, for docs/screenshots or, in all sizes and schemes, elsewhere"
	@echo "make lint                  the part of 'make test' that runs no tests"

demo:
	@scripts/bootstrap runtime
	@HUB_MODE=demo exec .venv/bin/python manage.py demo $(if $(PORT),--port $(PORT))

test:
	@scripts/test

bench:
	@scripts/bootstrap dev
	@exec .venv/bin/python -m bench $(ONLY)

requirements:
	@scripts/bootstrap dev
	@.venv/bin/python scripts/requirements.py

messages:
	@scripts/messages

screenshots:
	@scripts/screenshots $(TO)

lint:
	@scripts/lint
