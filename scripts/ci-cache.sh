# Read by .ci/run: lets cargo find the dependencies that earlier runs compiled, and the tests what they downloaded.
#
# Of the project's own crates nothing is kept: whatever earlier runs left of them is removed first. A folder belongs to one
# compiler, one Cargo.lock and one set of profiles; others are removed, and so is one that has grown beyond the limit. One
# run uses it at a time: a second one does without.
boxoffice_cache() {
    local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/boxoffice-ci limit_mib=8192 key target kept members version
    mkdir -p "$cache" .local || return 1
    exec 8>"$cache/lock"
    command -v flock >/dev/null && flock -n 8 || return 1

    key=$({ rustc -vV && cat Cargo.lock Cargo.toml; } | sha256sum | cut -c 1-16)
    target=$cache/target-$key
    for kept in "$cache"/target-*; do
        [ "$kept" = "$target" ] || rm -rf "$kept"
    done
    if [ -d "$target" ] && [ "$(du -sm "$target" | cut -f 1)" -gt "$limit_mib" ]; then rm -rf "$target"; fi
    export CARGO_TARGET_DIR=$target
    if [ -d "$target" ]; then
        members=$(cargo tree --workspace --depth 0 --prefix none --locked | sed -n 's/^\([a-z-]*\) .*/-p \1/p' | sort -u)
        # shellcheck disable=SC2086  # a list of options, split on purpose
        cargo clean --quiet --locked $members || rm -rf "$target"
        rm -rf "$target"/doc "$target"/*/incremental
    fi

    # What is downloaded has its version in its name, or the list of what it is.
    version=$(sed -n 's:.*<rocketmq.version>\(.*\)</rocketmq.version>.*:\1:p' localstack/rocketmq/pom.xml)
    for kept in "rocketmq-$version" tools; do
        mkdir -p "$cache/$kept"
        [ -e ".local/$kept" ] || ln -s "$cache/$kept" ".local/$kept"
    done
}
boxoffice_cache
