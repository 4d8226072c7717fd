#!/bin/sh
# The studio's tests need a browser. Debian's is used where there is none yet.
command -v chromium >/dev/null && exit 0
[ "$(id -u)" = 0 ] && sudo= || sudo=sudo
if command -v apt-get >/dev/null; then
    $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium && exit 0
fi
echo "No chromium could be installed; the browser's tests will be skipped." >&2
