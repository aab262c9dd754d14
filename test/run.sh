#!/usr/bin/env bash
# Runs the tests and closes with one plain line: N passed, N failed.
set -uo pipefail
mkdir -p .tap
npx tap --output-file=.tap/results.tap "$@"
status=$?
summary=$(grep -E '^# \{ total: ' .tap/results.tap | tail -n 1)
count() { sed -nE "s/.*[{ ]$1: ([0-9]+).*/\1/p" <<<"$summary"; }
passed=$(count pass)
failed=$(count fail)
skipped=$(count skip)
# A file that dies before its first assertion counts as no failed assertion, but it has failed.
if [ "$status" -ne 0 ] && [ "${failed:-0}" -eq 0 ]; then failed=1; fi
echo "${passed:-0} passed, ${failed:-0} failed${skipped:+, $skipped skipped}"
exit "$status"
