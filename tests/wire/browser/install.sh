#!/usr/bin/env bash
# install.sh FOLDER: puts the npm packages of package-lock.json there, with the programs of this folder beside them, and
# phone.html, one file that is a phone. Says why and fails where there is no npm, or no registry that it reaches.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
folder=$1
for program in node npm; do
    command -v "$program" >/dev/null || { echo "$program is not installed" >&2; exit 1; }
done

mkdir -p "$folder"
cd "$folder"
if ! cmp -s "$here/package-lock.json" installed; then
    rm -f installed
    cp "$here"/package{,-lock}.json .
    timeout 120 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-retry-mintimeout=1000 \
        --fetch-timeout=20000 --loglevel=error >npm.log 2>&1 || { grep -im 1 "npm err" npm.log >&2; exit 1; }
    cp package-lock.json installed
fi
cp "$here"/*.{html,js,mjs} .
bundle=$(node_modules/.bin/esbuild phone.js --bundle --minify --define:global=window --log-level=warning)
{ cat phone.html; printf '<script>%s</script>\n' "$bundle"; } >page.html
