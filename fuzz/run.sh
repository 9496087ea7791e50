#!/usr/bin/env bash
# Fuzzes each target for a bounded time. Usage: fuzz/run.sh SECONDS [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?how many seconds a target}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(message delivery_status reply_line log webhook address mbox mta_sts_policy dns_answer smtp_reply tlsa list_import smtp_server postfix_policy socketmap tcp_table milter pop3_client)
for target in "${targets[@]}"; do
  # What the fuzzer learns goes to the build folder; the seeds are only read.
  learned=fuzz/target/learned/$target
  mkdir -p "$learned" "fuzz/seeds/$target"
  start=()
  case $target in
    message | delivery_status | mbox) start=(corpus/mail) ;;
    log) start=(corpus/log) ;;
  esac
  echo "fuzz: $target, $seconds s"
  # (RUSTC_BOOTSTRAP lets the stable compiler take cargo-fuzz's coverage flags.)
  RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none "$target" "$learned" "fuzz/seeds/$target" "${start[@]}" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=0 -verbosity=0
done
echo "fuzz: nothing found"
