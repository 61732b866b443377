# SPDX-License-Identifier: GPL-3.0-or-later
# Every static check, each named; all run, and one failure fails the whole. Called by "make lint".
failed=""

check() {
  name=$1
  shift
  echo "== $name"
  "$@" || failed="$failed $name"
}

check ruff-format ruff format --check --quiet .
check ruff ruff check --quiet .
check mypy env MYPYPATH=.build mypy -p ansible_collections.fleet.jobs.plugins.module_utils
check import-linter lint-imports --no-logo
check yamllint yamllint --strict .
check ansible-lint ansible-lint --offline --strict --nocolor
check changelog antsibull-changelog lint

if [ -n "$failed" ]; then
  echo "lint: failed:$failed" >&2
  exit 1
fi
echo "lint: all clean"
