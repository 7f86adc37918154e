#!/bin/sh
# Debian packages that parts need: each line of plugins/*/system-packages.txt and
# environments/*/system-packages.txt is "command package", or "/a/file package". Never calls sudo: root on Debian gets
# them installed, anyone else gets the line to type, and goes on without those parts.
set -eu
cd "$(dirname "$0")/.."
missing=
for list in plugins/*/system-packages.txt environments/*/system-packages.txt; do
    [ -f "$list" ] || continue
    while read -r command package; do
        case $command in ''|\#*) continue ;; esac
        [ -e "$command" ] || command -v "$command" >/dev/null 2>&1 || missing="$missing $package"
    done < "$list"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing system packages:$missing"
    # shellcheck disable=SC2086
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y $missing; } \
        >/dev/null || echo "could not install$missing; going on without the parts that need them"
else
    echo "some parts need system packages; to have them, type: sudo apt-get install$missing"
fi
