#!/bin/sh
# Puts the checkers of `make check` (cargo-deny, cargo-shear, typos) into .local/tools/bin, in the versions of tools.txt.
# Does nothing where they are there. The programs come as Python wheels, whose hashes are checked; where there is no wheel
# for this machine, or no Python, cargo builds them, which takes some minutes.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
tools=$here/../.local/tools
list=$here/tools.txt

cmp -s "$list" "$tools/installed.txt" && exit 0

mkdir -p "$tools"
if ! python3 -m venv --help >/dev/null 2>&1 || ! python3 -c 'import ensurepip' >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        { apt-get update -qq && apt-get install -y -qq python3 python3-venv; } >&2 || true
    fi
fi
from_wheels() {
    python3 -m venv "$tools/python" &&
        "$tools/python/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$list"
}
from_source() {
    # A line of the list: package==version; the package's name ends with the crate's.
    sed -n 's/^\(astral-dev-toolchain-\)\{0,1\}\([a-z-]*\)==\([0-9.]*\).*/\2 \3/p' "$list" | while read -r name version; do
        [ "$name" != typos ] || name=typos-cli
        cargo install --quiet --locked --root "$tools" "$name@$version"
    done
}
if from_wheels >&2; then
    mkdir -p "$tools/bin"
    for program in cargo-deny cargo-shear typos; do ln -sf "../python/bin/$program" "$tools/bin/$program"; done
else
    echo "No ready-made cargo-deny, cargo-shear and typos for this machine: cargo builds them, once" >&2
    from_source
fi
cp "$list" "$tools/installed.txt"
