# Run named steps, time them, and tell at the end which failed. Sourced by scripts/lint and scripts/test.
failed=0
report=""

step() {
    name=$1
    shift
    printf '\n== %s\n' "$name"
    started=$(date +%s)
    status=0
    "$@" </dev/null || status=$?
    took=$(($(date +%s) - started))
    if [ "$status" = 0 ]; then verdict=ok; else verdict=FAILED; failed=1; fi
    report="$report$(printf '%-6s  %4s s  %s' "$verdict" "$took" "$name")
"
}

summary() {
    printf '\n%s' "$report"
    exit "$failed"
}
