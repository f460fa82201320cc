#!/usr/bin/env bash
# Installs what the tests need and is missing, then runs every test on SQLite and the black-box tests on PostgreSQL too.
# Arguments are handed on to `cargo test`:  ./test.sh --test api a_slow_client. `--install` alone installs and runs nothing.
# `--long` cuts 200 clients of each kind at random, a minute each, tries the Vue and Svelte bindings, and takes a hub's database away for a minute.
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
)
# What Korean is drawn with; a Chromium without it shows boxes.
readonly korean_font="/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
# A server of the tests speaks Korean.
readonly korean_locale="/usr/share/i18n/locales/ko_KR"
# A test holds 1,000 streams open against one hub, which inherits this limit.
readonly open_files=16384

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

# Runs the command that installs the clients of one language for tests/clients, unless $3 is there and newer than the lock file $2.
# Where that fails, the suite goes on without them, and says so too.
provide_clients() {
  local language=$1 lock=tests/clients/$1/$2 installed=tests/clients/$1/$3
  shift 3
  [ "$installed" -nt "$lock" ] && return
  say "test.sh: installing the clients of tests/clients/$language"
  rm -rf "$installed"
  (cd "tests/clients/$language" && "$@" >&2) && touch "$installed" && return
  rm -rf "$installed"
  say "test.sh: NOT COVERED by tests/clients: $language (no \`$1\` here, or it failed as above)"
}

provide_all_clients() {
  provide_clients node package-lock.json node_modules npm ci --no-audit --no-fund
  provide_clients python requirements.txt packages python3 -m pip install --quiet --disable-pip-version-check --no-deps --target packages -r requirements.txt
  provide_clients java pom.xml lib mvn -B -q dependency:copy-dependencies -DoutputDirectory=lib
  provide_clients go go.sum client go build -mod=readonly -o client .
}

provide_cargo
provide_packages
provide_locale
# axe-core, which the accessibility test puts into the pages.
[ -f web/node_modules/axe-core/axe.min.js ] || npm --prefix web ci --no-audit --no-fund >&2
# The React application of docs/guide/react.md.
[ tests/react/node_modules/.package-lock.json -nt tests/react/package-lock.json ] || npm --prefix tests/react ci --no-audit --no-fund >&2
provide_all_clients
raise_open_files
[ "${1:-}" = --install ] && exit
if [ "${1:-}" = --long ]; then
  shift
  export CAMPANILE_CLIENTS=200 CAMPANILE_CLIENTS_SECONDS=60
  cargo test --locked --test clients at_random "$@"
  exec cargo test --workspace --locked --no-fail-fast -- --ignored "$@"
fi
if [ $# -gt 0 ]; then
  exec cargo test --workspace --locked --no-fail-fast "$@"
fi
cargo test --workspace --locked --no-fail-fast
# The same promises on the other database, whose messages nobody is to depend on. A hub there is slower to start, so this half
# has the machine to itself.
exec env CAMPANILE_TEST_DATABASE=postgres CAMPANILE_TEST_LANGUAGE=ko_KR.UTF-8 \
  cargo test --locked --no-fail-fast --test api --test storage --test torture
