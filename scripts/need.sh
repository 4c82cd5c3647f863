#!/bin/sh
# Says what is missing to build Boxoffice: a Rust toolchain and a C compiler (SQLite and ring are C).
# Installs the C compiler through apt when run as root; otherwise prints the one command to run.
set -eu
if ! command -v cargo >/dev/null 2>&1; then
    echo "Boxoffice needs Rust 1.90 or newer: see https://rustup.rs" >&2
    exit 1
fi
if ! command -v cc >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq && apt-get install -y -qq gcc libc6-dev
    else
        echo "Boxoffice needs a C compiler; on Debian or Ubuntu run: sudo apt-get install -y gcc libc6-dev" >&2
        exit 1
    fi
fi
