#!/usr/bin/env bash
# Clients of curl: `client.sh KIND URL TOKENS…`. Each further argument is one client, its tokens separated by commas: the next one is taken
# when the hub no longer accepts the one before. Each event is a line of JSON on standard output.
set -u
kind=$1 url=$2
shift 2

# One write for each line: the clients share standard output.
tell() { printf '{"client":%s,"event":"%s","id":%s,"reason":%s,"status":%s}\n' "$number" "$1" "${2:-0}" "${3:-null}" "${4:-0}"; }

# Reads one stream and exits with what the application is to do next: 0 goes on, 3 renews, 4 was refused.
read_stream() {
  local line name="" id="" data=""
  while IFS= read -r line; do
    case $line in
      "event: "*) name=${line#event: } ;;
      "id: "*) id=${line#id: } ;;
      "data: "*) data=${line#data: } ;;
      "HTTP "*) [ "${line#HTTP }" = 401 ] && return 4 ;;
      "")
        [ -n "$id" ] && cursor=$id
        case $name in
          connect | alarm | message) tell "$name" "${id:-0}" ;;
          bye)
            local reason=${data#*\"reason\":}
            tell bye 0 "${reason%%,*}"
            [[ $data = *'"expired"'* ]] && return 3
            ;;
        esac
        name="" id="" data=""
        ;;
    esac
  done
  return 0
}

run_client() {
  local number=$1 cursor="" tokens
  IFS=, read -ra tokens <<<"$2"
  while :; do
    # `--no-buffer` writes each event as it comes, `--speed-time` ends a stream that brings nothing for three heartbeats, `--fail` leaves the body
    # of an error out, and `--write-out` tells the status last.
    read_stream < <(curl --silent --fail --no-buffer --connect-timeout 10 --speed-limit 1 --speed-time $((3 * ${CAMPANILE_HEARTBEAT_SECONDS:-15})) --write-out 'HTTP %{http_code}\n' \
      ${cursor:+--header "Last-Event-ID: $cursor"} --header "Authorization: Bearer ${tokens[0]}" --header "Accept: text/event-stream" "$url")
    case $? in
      3 | 4)
        if [ "${#tokens[@]}" -eq 1 ]; then
          tell refused 0 null 401
          return
        fi
        tokens=("${tokens[@]:1}")
        tell renewed
        ;;
    esac
    sleep "0.$((RANDOM % 7 + 3))"
  done
}

number=0
for tokens in "$@"; do
  run_client "$number" "$tokens" &
  number=$((number + 1))
done
wait
