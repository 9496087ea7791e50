#!/usr/bin/env bash
# Holds a real server against its own description: schemathesis (PyPI) makes up requests, right and wrong ones, from /v1/openapi.json, and
# nothing may answer 5xx, or otherwise than is described.
#
#   lab/api.sh [ABPRALL [SECONDS]]        default: target/release/abprall, 30 s
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
abprall=$(realpath "${1:-$root/target/release/abprall}")
seconds=${2:-30}
tool=$root/target/schemathesis
[ -x "$tool/bin/st" ] || { python3 -m venv "$tool"; "$tool/bin/pip" install -q 'schemathesis==4.32.5'; }

folder=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"
"$abprall" process "$root/examples/bounces.mbox" >/dev/null
key=$("$abprall" api-key create schemathesis --scope admin 2>/dev/null)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '[http]\nlisten = ["127.0.0.1:%s"]\nkeys = "required"\n' "$port" >abprall.toml
# Nobody has time to wait for decisions that do not come.
cat >schemathesis.toml <<'T'
[[operations]]
include-operation-id = "list_decisions"
parameters = { "query.wait" = 0 }

# A body that is wrong and too large may be refused for its size (413).
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]
T
"$abprall" serve 2>server.log &
server=$!
# An address may be refused though the description takes any text for one: what it may be is not for a pattern.
"$tool/bin/st" --config-file schemathesis.toml run "http://127.0.0.1:$port/v1/openapi.json" --wait-for-schema 10 \
  --header "Authorization: Bearer $key" --checks all --exclude-checks positive_data_acceptance \
  --phases examples,coverage,fuzzing --max-examples "${API_EXAMPLES:-15}" --max-time "$seconds" --seed 1 --workers 2 --suppress-health-check all \
  --request-timeout 10 --no-color --warnings off ${API_MORE:-}
kill -0 "$server" || { echo "the server ended:"; cat server.log; exit 1; }
if grep -i panic server.log; then exit 1; fi
