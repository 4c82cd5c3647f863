#!/bin/sh
# Cargo starts test programs through this: each test then says how long it took. The option is an unstable one of the test
# harness, which asks for the variable when it runs; nothing is compiled with it.
set -eu
program=$1
shift
case $program in
*/deps/*) RUSTC_BOOTSTRAP=1 exec "$program" -Zunstable-options --report-time "$@" ;;
*) exec "$program" "$@" ;;
esac
