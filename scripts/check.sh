#!/bin/bash
# The checks that a change has to pass, in order; stops at the first that fails and prints the
# command that repeats it.
#
#	scripts/check.sh            all of them
#	scripts/check.sh STEP...    only these
#
# FUZZ_SECONDS (15) is how long each fuzz target runs.
set -u
cd "$(dirname "$0")/.." || exit 1

steps=(format layers gcc clang asan tsan tidy analyze fuzz run)
jobs=$(nproc)

sources() {
	find shared dataplane control tests perf -name '*.[ch]' -print0 | sort -z
}

# Those of the programs: tests are compiled with every warning, but not held to clang-tidy.
program_sources() {
	find shared dataplane control -name '*.c' ! -name '*_test.c' -print0 | sort -z
}

step_format() {
	sources | xargs -0 clang-format --dry-run -Werror
}

step_layers() {
	scripts/layers
}

step_gcc() {
	cmake --workflow --preset dev
}

step_clang() {
	cmake --preset dev-clang && cmake --build --preset dev-clang
}

step_asan() {
	cmake --workflow --preset asan
}

step_tsan() {
	cmake --workflow --preset tsan
}

step_tidy() {
	cmake --preset dev-clang >/dev/null || return
	program_sources | xargs -0 -P "$jobs" -n 1 bash -c '
		out=$(clang-tidy -p build/dev-clang --quiet "$0" 2>/dev/null) && exit
		printf "%s\n" "$out"
		exit 1'
}

# Null pointers are left to clang's analyzer (tidy), which gives up where gcc's guesses: that the
# table has what its flags promise is known to neither.
step_analyze() {
	find shared dataplane/respond -name '*.c' ! -name '*_test.c' -print0 |
		xargs -0 -P "$jobs" -n 1 gcc -std=gnu17 -D_GNU_SOURCE= -I. -O1 -fanalyzer -Wno-analyzer-null-dereference -Werror \
			-c -o /dev/null
}

# Runs a fuzz target and says how many inputs it tried, or the end of what it printed.
fuzz() {
	local subject=${1##*/fuzz_} scratch status=0
	scratch=$(mktemp -d) || return
	mkdir "$scratch/corpus"
	if "$1" -max_total_time="${FUZZ_SECONDS:-15}" -rss_limit_mb=2048 -verbosity=0 \
		-print_final_stats=1 -artifact_prefix=build/fuzz/ \
		"$scratch/corpus" "tests/fuzz/corpus/$subject" >"$scratch/log" 2>&1; then
		echo "fuzz_$subject: $(awk '/number_of_executed_units/ { print $2 }' "$scratch/log") inputs"
	else
		echo "fuzz_$subject failed:"
		tail -n 60 "$scratch/log"
		status=1
	fi
	rm -rf "$scratch"
	return $status
}
export -f fuzz

step_fuzz() {
	cmake --workflow --preset fuzz || return
	printf '%s\0' build/fuzz/bin/fuzz_* | xargs -0 -P "$jobs" -n 1 bash -c 'fuzz "$0"'
}

step_run() {
	scripts/run --check --port 5399
}

[ $# -eq 0 ] || steps=("$@")
for step in "${steps[@]}"; do
	if ! declare -F "step_$step" >/dev/null; then
		sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
		exit 2
	fi
done
for step in "${steps[@]}"; do
	echo "== $step"
	started=$SECONDS
	if ! "step_$step"; then
		echo "== $step failed after $((SECONDS - started)) s; to repeat it: scripts/check.sh $step"
		exit 1
	fi
	echo "== $step passed in $((SECONDS - started)) s"
done
