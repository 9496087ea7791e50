#!/usr/bin/env bash
# Runs all tests of Abprall on a Debian machine with a Rust toolchain (1.95 or newer).
#
#   ./test.sh            everything: style, unit and corpus tests, kill and fault tests, fuzzing, the lab of real mail servers
#   ./test.sh --no-lab   without the lab (which needs root)
#
# Needs root for two things, and asks sudo for them: installing Debian packages that are missing, and the lab's network
# namespaces and mounts. Nothing outside this folder is changed but the installed packages and cargo's own tools.
set -euo pipefail
cd "$(dirname "$0")"
lab=yes
[ "${1:-}" = --no-lab ] && lab=no
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

step "Packages"
packages=(build-essential python3 python3-venv nsd unbound chromium postgresql mariadb-server redis-server mailman3 openssl dovecot-imapd dovecot-pop3d systemd)
[ $lab = yes ] && packages+=(mmdebstrap systemd-container nftables iproute2 util-linux procps tcpdump)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing: ${missing[*]}"
  as_root apt-get update -q
  # Servers among them are started by the tests themselves, each on a port of its own, and by nobody else.
  policy=/usr/sbin/policy-rc.d
  [ -e $policy ] && policy= || printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin $policy
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
  [ -z "$policy" ] || as_root rm -f "$policy"
fi
command -v cargo >/dev/null || { echo "test.sh: cargo is missing; install a Rust toolchain, 1.95 or newer (https://rustup.rs)" >&2; exit 3; }
command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz
# ICANN's own RDAP server, for the tests of `contact`: the newest version that this toolchain builds.
export ABPRALL_RDAP_SRV=$PWD/target/tools/bin/rdap-srv
[ -x "$ABPRALL_RDAP_SRV" ] || cargo install --quiet --locked --debug --root target/tools --target-dir target/tools-build icann-rdap-srv --version 0.0.26

step "Style"
cargo fmt --all --check
cargo clippy --quiet --workspace --all-targets -- -D warnings
cargo clippy --quiet -p abprall --features otel --all-targets -- -D warnings

step "Tests"
# A real PostgreSQL for the store's tests, on a socket in a folder of its own.
export ABPRALL_TEST_POSTGRES_DIR=$(mktemp -d)
trap 'lab/postgres.sh stop "$ABPRALL_TEST_POSTGRES_DIR" || true; as_root rm -rf "$ABPRALL_TEST_POSTGRES_DIR"' EXIT
ABPRALL_TEST_POSTGRES=$(lab/postgres.sh start "$ABPRALL_TEST_POSTGRES_DIR")
export ABPRALL_TEST_POSTGRES
cargo test --quiet --workspace
cargo test --quiet -p abprall --features otel --test telemetry
cargo test --quiet --workspace --doc

step "Fuzzing, ${FUZZ_SECONDS:=8} seconds a target"
fuzz/run.sh "$FUZZ_SECONDS"

step "Program"
cargo build --quiet --release -p abprall
lab/api.sh target/release/abprall 30
if [ -d ../shared/corpus ]; then
  for corpus in public lab; do
    echo "corpus/$corpus"
    target/release/abprall classify --format ndjson "../shared/corpus/$corpus/mail" |
      python3 ../shared/tools/score.py "../shared/corpus/$corpus/expected.ndjson"
  done
  echo "corpus/lines"
  target/release/abprall classify --lines --format ndjson ../shared/corpus/lines/lines.txt |
    python3 ../shared/tools/score.py ../shared/corpus/lines/expected.ndjson
else
  echo "the corpora of others are not beside this checkout: their scores are left out"
fi

if [ $lab = yes ]; then
  step "Lab: real mail servers"
  lab/test.sh
  step "Package, in a clean Debian"
  package=$(packaging/deb.sh)
  as_root packaging/test-install.sh "$package"
  as_root packaging/test-unit.sh "$package" || { [ $? = 77 ] && echo "the units were not tried: no systemd boots in a container here"; }
fi
step "All tests passed"
