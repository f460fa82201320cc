#!/bin/sh
# Packs the viewer of /api/docs, Swagger UI in the version named here, into assets/. What it writes is committed.
set -eu
version=5.35.0
assets=$(cd "$(dirname "$0")/../assets" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm pack --silent "swagger-ui-dist@$version" >/dev/null
tar -xzf "swagger-ui-dist-$version.tgz"
cd package
cat LICENSE NOTICE swagger-ui-bundle.js.LICENSE.txt >licences
gzip -9n <swagger-ui-bundle.js >"$assets/swagger-ui-bundle.js.gz"
gzip -9n <swagger-ui.css >"$assets/swagger-ui.css.gz"
gzip -9n <licences >"$assets/swagger-ui-bundle.js.LICENSE.txt.gz"
