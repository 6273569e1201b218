# Everything that can be said without running a test. Sourced after scripts/lib.sh.
bin=.venv/bin
step "ruff format" $bin/ruff format --check .
step "ruff check" $bin/ruff check .
step "mypy" $bin/mypy
step "makemigrations --check" env DJANGO_SETTINGS_MODULE=tests.settings $bin/python manage.py makemigrations --check --dry-run
step "check --deploy" scripts/production_like $bin/python manage.py check --deploy --fail-level WARNING
step "djlint" $bin/djlint --lint --quiet templates
