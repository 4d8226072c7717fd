#!/bin/sh
# The studio's tests need a browser, and ffmpeg with ffprobe to watch takes while they are made.
# Debian's are used where there are none yet.
missing=
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing=chromium
command -v ffprobe >/dev/null || missing="$missing ffmpeg"
[ -z "$missing" ] && exit 0
[ "$(id -u)" = 0 ] && sudo= || sudo=sudo
if command -v apt-get >/dev/null; then
    $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing && exit 0
fi
echo "No chromium or no ffmpeg could be installed; tests that need them will be skipped." >&2
