#!/bin/sh
# Installs Appium and its UiAutomator2 driver into a folder: what the phone is tested with. Without
# npm, or without a registry, the tests that need it are skipped.
set -eu
folder=$1
appium=3.8.0
driver=8.7.0
[ "$(cat "$folder/.stamp" 2>/dev/null)" = "$appium $driver" ] && exit 0
command -v npm >/dev/null 2>&1 || { echo "no npm: going on without Appium"; exit 0; }
echo "installing Appium into $folder (half a minute the first time)"
mkdir -p "$folder"
printf '{"private": true, "dependencies": {"appium": "%s", "appium-uiautomator2-driver": "%s"}}\n' \
    "$appium" "$driver" > "$folder/package.json"
if npm install --prefix "$folder" --no-fund --no-audit --loglevel=error >/dev/null 2>"$folder/log"
then echo "$appium $driver" > "$folder/.stamp"
else tail -3 "$folder/log"; echo "could not install Appium; going on without it"
fi
