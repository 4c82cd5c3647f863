#!/bin/sh
# Builds the Java side of the interop tests into .local/interop-java/interop-java.jar at the top of the repository.
# Does nothing when no source is newer than the jar. Two calls at once are safe: the second waits, then finds the jar.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=$(CDPATH= cd -- "$here/../.." && pwd)/.local/interop-java
jar=$out/interop-java.jar

fresh() {
    [ -f "$jar" ] && [ -z "$(find "$here/src" "$here/pom.xml" -newer "$jar")" ]
}
fresh && exit 0

if ! command -v mvn >/dev/null 2>&1 || ! command -v javac >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        # All its output to stderr: stdout belongs to whoever called.
        { apt-get update -qq && apt-get install -y -qq maven openjdk-17-jdk-headless; } >&2
    else
        echo "The interop tests need Maven and JDK 17; on Debian or Ubuntu run: sudo apt-get install -y maven openjdk-17-jdk-headless" >&2
        exit 1
    fi
fi

mkdir -p "$out"
# Held until this process ends.
exec 9>"$out/build.lock"
flock 9
fresh && exit 0

# A source that changes during the build must be newer than the jar.
touch "$out/build.started"
package() {
    mvn -B -q -Dstyle.color=never "$@" -f "$here/pom.xml" -DbuildDirectory="$out/target" clean package 9>&-
}
# Without the network first: asking it whether anything is newer takes longer than the build. What fails for
# another reason than a missing artifact fails again, and then its output is shown.
package -o >/dev/null 2>&1 || package >&2
touch -r "$out/build.started" "$out/target/interop-java.jar"
mv -f "$out/target/interop-java.jar" "$jar"
