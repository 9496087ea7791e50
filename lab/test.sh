#!/usr/bin/env bash
# Against real mail and DNS servers: they fail to deliver, and Abprall reads what they send back; Abprall looks at the route to every
# domain of the lab, and at every fault.
#
#   lab/test.sh        builds the lab if need be, starts it, runs, stops it. Needs root (asks sudo).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then exec sudo --preserve-env=PATH,CARGO_HOME,RUSTUP_HOME "$0" "$@"; fi
program=${ABPRALL:-target/release/abprall}
[ -x "$program" ] || { echo "lab/test.sh: $program is missing; run: cargo build --release" >&2; exit 3; }
out=$(mktemp -d)
trap 'lab/lab.sh down >/dev/null 2>&1 || true; rm -rf "$out"' EXIT

lab/lab.sh build
lab/lab.sh down >/dev/null 2>&1 || true
lab/lab.sh up
# Permanent failures only: they come back within seconds.
python3 lab/drive/drive.py "$out/fresh" --mta sender,sender-de,exim,sendmail,opensmtpd,courier,haraka \
  --case unknown,disabled,german-reply,routing,router-rcpt,router-data,nullmx,nxdomain,nodata,mx-nxdomain,data-spam,dmarc,blocklist,relay-denied,ok-delivered --wait 45
python3 lab/verdicts.py "$program" "$out"
python3 lab/routes.py "$program"
python3 lab/watch.py "$program"
python3 lab/feeds.py "$program"
python3 lab/gate.py "$program"
