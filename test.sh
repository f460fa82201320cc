#!/usr/bin/env bash
# Installs what the tests need and is missing, then runs every test on SQLite and the black-box tests on PostgreSQL too.
# Arguments are handed on to `cargo test`:  ./test.sh --test api a_slow_client. `--install` alone installs and runs nothing.
# `--long` cuts 200 clients of each kind at random, a minute each, runs the guides for Rails, Laravel, Vue and Svelte, renders the Helm
# chart, takes a hub's database away for a minute, and runs a hub of an older version, built from the history, beside one of this version.
set -euo pipefail
cd "$(dirname "$0")"

# A command the tests start, and the Debian package it comes with.
readonly needed=(
  "cc gcc libc6-dev"
  "kill procps"
  "curl curl"
  "chromium chromium"
  "chromedriver chromium-driver"
  "node nodejs"
  "npm npm"
  "initdb postgresql"
  "pgbouncer pgbouncer"
  "localedef libc-bin"
  "nginx nginx"
  "haproxy haproxy"
  "promtool prometheus"
)
# A font with Korean letters; a Chromium without one shows boxes.
readonly korean_font="/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
# A server of the tests speaks Korean.
readonly korean_locale="/usr/share/i18n/locales/ko_KR"
# The databases of the tests, at their most.
readonly free_megabytes=6144
# A test holds 1,000 streams open against one hub, which inherits this limit.
readonly open_files=16384
# The modules of tests/api about bytes on the wire, identity providers and files of the deployment, to which the database does not matter.
readonly same_on_both=(assets asyncapi contract dashboard deployment event_stream framing http2 issuer_files issuer_table key_sets openid
  openid_visitors origins peers providers tls unwritten web_socket)
# The older version that tests/cluster/versions.rs names.
readonly old_commit=91ed2b8

# Debian keeps servers off an ordinary user's path.
export PATH="$PATH:/usr/sbin"

say() { printf '%s\n' "$*" >&2; }

# Debian keeps a PostgreSQL server's programs off the path.
has_command() {
  type -P "$1" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null
}

missing_packages() {
  local line words
  for line in "${needed[@]}"; do
    read -ra words <<<"$line"
    has_command "${words[0]}" || printf '%s\n' "${words[@]:1}"
  done
  [ -e "$korean_font" ] || printf '%s\n' fonts-noto-cjk
  [ -e "$korean_locale" ] || printf '%s\n' locales
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    say "test.sh: not root, and there is no sudo"
    return 1
  fi
}

install() {
  if ! command -v apt-get >/dev/null; then
    say "test.sh: there is no apt-get"
    return 1
  fi
  # Standard output stays the test runner's own.
  as_root apt-get update -qq >&2 &&
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$@" >&2
}

provide_packages() {
  local packages
  mapfile -t packages < <(missing_packages)
  [ "${#packages[@]}" -eq 0 ] && return

  say "test.sh: installing ${packages[*]}"
  install "${packages[@]}" || true
  mapfile -t packages < <(missing_packages)
  if [ "${#packages[@]}" -ne 0 ]; then
    say "test.sh: missing, and not installable from here: ${packages[*]}"
    exit 1
  fi
}

provide_cargo() {
  command -v cargo >/dev/null || PATH="$HOME/.cargo/bin:$PATH"
  if ! command -v cargo >/dev/null; then
    say "test.sh: missing: cargo"
    exit 1
  fi
}

provide_locale() {
  locale -a | grep "^ko_KR.utf8$" >/dev/null || as_root localedef -i ko_KR -f UTF-8 ko_KR.UTF-8 >&2
}

raise_open_files() {
  [ "$(ulimit -Sn)" = unlimited ] && return
  [ "$(ulimit -Sn)" -ge "$open_files" ] && return
  ulimit -Sn "$open_files" 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"
}

# A full disk makes a hundred tests fail that say nothing of it.
check_room() {
  local folder=${TMPDIR:-/tmp} free
  free=$(df --output=avail -BM "$folder" | tail -n 1 | tr -dc 0-9)
  [ "$free" -ge "$free_megabytes" ] || say "test.sh: $folder has $free MB free; the databases of the tests take up to $free_megabytes MB"
}

# Runs the command that installs what one language needs in the folder tests/$1, unless $3 is there and newer than the lock file $2.
# If that fails, the suite goes on without it, and says so too.
provide_clients() {
  local folder=tests/$1 lock=tests/$1/$2 installed=tests/$1/$3
  shift 3
  [ "$installed" -nt "$lock" ] && return
  say "test.sh: installing the packages of $folder"
  rm -rf "$installed"
  (cd "$folder" && "$@" >&2) && touch "$installed" && return
  rm -rf "$installed"
  say "test.sh: NOT COVERED: $folder (no \`$1\` here, or it failed as above)"
}

# The client of tests/mercure that is a package of the system.
provide_php() {
  [ -f /usr/share/php/Symfony/Component/Mercure/autoload.php ] && return
  say "test.sh: installing the PHP client of tests/mercure"
  install php-cli php-symfony-mercure php-symfony-http-client && return
  say "test.sh: NOT COVERED by tests/mercure: php"
}

# The frameworks of two guides, which are packages of the system.
provide_frameworks() {
  [ -d /usr/share/php/Illuminate/Foundation ] && has_command puma && return
  say "test.sh: installing Rails and Laravel"
  install ruby-railties ruby-activejob puma php-cli php-sqlite3 php-laravel-framework php-guzzlehttp-guzzle && return
  say "test.sh: NOT COVERED by tests/backends: the guides for Rails and Laravel"
}

# The program that renders deploy/helm, built from its module.
provide_helm() {
  has_command helm && return
  say "test.sh: building helm"
  GOBIN="$PWD/target/helm" go install helm.sh/helm/v3/cmd/helm@v3.22.0 >&2 && PATH="$PATH:$PWD/target/helm" && return
  say "test.sh: NOT COVERED by tests/api: deploy/helm"
}

# The Vue and Svelte applications of docs/guide/vue.md and docs/guide/svelte.md.
provide_bindings() {
  [ tests/bindings/node_modules/.package-lock.json -nt tests/bindings/package-lock.json ] && return
  say "test.sh: installing Vue and Svelte"
  npm --prefix tests/bindings ci --no-audit --no-fund >&2 && return
  rm -rf tests/bindings/node_modules
  say "test.sh: NOT COVERED by tests/browser: Vue and Svelte"
}

# The third proxy of tests/proxies, which not every system has.
provide_caddy() {
  has_command caddy && return
  say "test.sh: installing caddy"
  install caddy && return
  say "test.sh: NOT COVERED by tests/proxies: caddy"
}

# docker-compose, by which tests/api/deployment.rs reads compose.yaml; no container is started.
provide_compose() {
  has_command docker-compose && return
  say "test.sh: installing docker-compose"
  install docker-compose && return
  say "test.sh: NOT COVERED by tests/api: compose.yaml (no docker-compose)"
}

# schemathesis, by which tests/hostile checks a hub against its contract.
provide_schemathesis() {
  local folder=tests/hostile/schemathesis
  [ "$folder/packages" -nt "$folder/requirements.txt" ] && return
  say "test.sh: installing schemathesis"
  rm -rf "$folder/packages"
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" -r "$folder/requirements.txt" >&2 &&
    touch "$folder/packages" && return
  rm -rf "$folder/packages"
  say "test.sh: NOT COVERED by tests/hostile: schemathesis (no \`pip\` here, or it failed as above)"
}

# The parser of AsyncAPI, with which tests/hostile reads the document of the streams.
provide_asyncapi() {
  local folder=tests/hostile/asyncapi
  [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && return
  say "test.sh: installing the parser of AsyncAPI"
  npm --prefix "$folder" ci --no-audit --no-fund >&2 && return
  rm -rf "$folder/node_modules"
  say "test.sh: NOT COVERED by tests/hostile: the parser of AsyncAPI (\`npm\` failed as above)"
}

provide_all_clients() {
  local pip="python3 -m pip install --quiet --disable-pip-version-check --no-deps --target packages -r requirements.txt"
  provide_php
  provide_clients clients/node package-lock.json node_modules npm ci --no-audit --no-fund
  provide_clients clients/python requirements.txt packages $pip
  provide_clients clients/java pom.xml lib mvn -B -q dependency:copy-dependencies -DoutputDirectory=lib
  provide_clients clients/go go.sum client go build -mod=readonly -o client .
  # The packages of programs that use the clients of clients/.
  provide_clients backends/node package-lock.json node_modules npm ci --no-audit --no-fund
  provide_clients backends/python requirements.txt packages $pip
  provide_clients backends/java pom.xml lib mvn -B -q dependency:copy-dependencies -DoutputDirectory=lib
  provide_clients backends/spring pom.xml lib mvn -B -q dependency:copy-dependencies -DoutputDirectory=lib
}

# Builds the older hub of tests/cluster/versions.rs in a folder that is removed at the end, unless CAMPANILE_OLD_BINARY names one.
provide_old_binary() {
  [ -n "${CAMPANILE_OLD_BINARY:-}" ] && return
  if ! git cat-file -e "$old_commit^{commit}" 2>/dev/null; then
    say "test.sh: NOT COVERED by tests/cluster: the last version (this clone lacks the commit $old_commit)"
    return
  fi
  say "test.sh: building the hub of $old_commit"
  old_folder=$(mktemp -d)
  trap 'rm -rf "$old_folder"' EXIT
  git archive "$old_commit" | tar -x -C "$old_folder"
  if (cd "$old_folder" && cargo build --locked --features postgres --bin campanile --target-dir target >&2); then
    export CAMPANILE_OLD_BINARY="$old_folder/target/debug/campanile"
  else
    say "test.sh: NOT COVERED by tests/cluster: the last version (its build failed as above)"
  fi
}

provide_cargo
provide_packages
provide_locale
# axe-core, which the accessibility test puts into the pages.
[ -f web/node_modules/axe-core/axe.min.js ] || npm --prefix web ci --no-audit --no-fund >&2
# The React application of docs/guide/react.md.
[ tests/react/node_modules/.package-lock.json -nt tests/react/package-lock.json ] || npm --prefix tests/react ci --no-audit --no-fund >&2
# The provider of OpenID Connect that the tests sign in with.
[ tests/openid/node_modules/.package-lock.json -nt tests/openid/package-lock.json ] || npm --prefix tests/openid ci --no-audit --no-fund >&2
provide_all_clients
provide_caddy
provide_compose
provide_schemathesis
provide_asyncapi
raise_open_files
check_room
[ "${1:-}" = --install ] && exit
if [ "${1:-}" = --long ]; then
  shift
  export CAMPANILE_CLIENTS=200 CAMPANILE_CLIENTS_SECONDS=60
  cargo test --workspace --locked --test clients at_random "$@"
  provide_old_binary
  cargo test --workspace --locked --test cluster versions "$@"
  provide_frameworks
  cargo test --workspace --locked --test backends guides "$@"
  provide_helm
  cargo test --workspace --locked --test api deployment "$@"
  provide_bindings
  # No exec, which would leave the older hub's folder behind.
  cargo test --workspace --locked --no-fail-fast -- --ignored "$@"
  exit
fi
if [ $# -gt 0 ]; then
  exec cargo test --workspace --locked --no-fail-fast "$@"
fi
cargo test --workspace --locked --no-fail-fast
# The same promises on the other database, whose messages nobody is to depend on. A hub there is slower to start, so this half
# has the machine to itself, and more tests wait at the same time.
export CAMPANILE_TEST_DATABASE=postgres RUST_TEST_THREADS=$(($(nproc) * 3 / 2))
cargo test --workspace --locked --test mercure -- resuming several isolation bridge
export CAMPANILE_TEST_LANGUAGE=ko_KR.UTF-8
cargo test --workspace --locked --no-fail-fast --test storage --test torture
skipped=()
for module in "${same_on_both[@]}"; do
  skipped+=(--skip "$module::")
done
exec cargo test --workspace --locked --no-fail-fast --test api -- "${skipped[@]}"
