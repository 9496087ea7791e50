#!/usr/bin/env bash
# How many domains a second `abprall route --batch --dns-only` audits, against dnsperf with the same questions in the same run.
#
#   benches/route-bulk.sh [DOMAINS]     default 100000; needs nsd, unbound and dnsperf (Debian packages), no root
#
# NSD serves the zones, Unbound recurses, both on loopback ports of their own and on the same cores as the audit. Half of the domains
# share 2000 mail hosts, as most domains do; the other half has a mail host each. Cold: Unbound has just been started. Warm: it has
# answered all of it once.
set -euo pipefail
cd "$(dirname "$0")/.."
domains=${1:-100000}
program=$PWD/target/release/abprall
PATH=$PATH:/usr/sbin
for tool in nsd unbound dnsperf python3; do
  command -v $tool >/dev/null || { echo "route-bulk.sh: $tool is missing; apt-get install nsd unbound dnsperf" >&2; exit 3; }
done
[ -x "$program" ] || { echo "route-bulk.sh: run cargo build --release first" >&2; exit 3; }
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
read -r authority recursor < <(python3 -c '
import socket
s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for one in s: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in s])')

python3 - "$work" "$domains" <<'C'
import sys
work, count = sys.argv[1], int(sys.argv[2])
zone, names, questions = open(f'{work}/bulk.zone', 'w'), open(f'{work}/domains.txt', 'w'), open(f'{work}/questions.txt', 'w')
zone.write('$ORIGIN bulk.\n$TTL 3600\n@ SOA ns.bulk. admin.bulk. 1 3600 600 86400 60\n@ NS ns.bulk.\nns A 127.0.0.1\n')
asked = set()
def ask(name, kind):
    if (name, kind) not in asked:
        asked.add((name, kind)); questions.write(f'{name} {kind}\n')
for n in range(2000): zone.write(f'mx{n}.hosts A 5.{n // 250}.{n % 250}.1\n')
for n in range(count):
    host = f'mx{n * 7919 % 2000}.hosts' if n % 2 else f'mx.d{n}'
    zone.write(f'd{n} MX 10 {host}\n')
    if not n % 2: zone.write(f'mx.d{n} A 5.{n % 200}.{n // 200 % 250}.2\n')
    names.write(f'd{n}.bulk\n')
    ask(f'd{n}.bulk', 'MX'); ask(f'{host}.bulk', 'A'); ask(f'{host}.bulk', 'AAAA')
C
cat >"$work/nsd.conf" <<C
server:
  ip-address: 127.0.0.1@$authority
  username: ""
  zonesdir: "$work"
  database: ""
  pidfile: "$work/nsd.pid"
  xfrdfile: "$work/xfrd"
  xfrdir: "$work"
  zonelistfile: "$work/zonelist"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: "bulk."
  zonefile: bulk.zone
C
cat >"$work/unbound.conf" <<C
server:
  interface: 127.0.0.1@$recursor
  username: ""
  chroot: ""
  directory: "$work"
  pidfile: "$work/unbound.pid"
  use-syslog: no
  do-not-query-localhost: no
  module-config: "iterator"
  num-threads: 1
  msg-cache-size: 512m
  rrset-cache-size: 512m
  outgoing-range: 4096
  num-queries-per-thread: 4096
  local-zone: "bulk." nodefault
remote-control:
  control-enable: no
stub-zone:
  name: "bulk."
  stub-addr: 127.0.0.1@$authority
C
nsd -d -c "$work/nsd.conf" >/dev/null 2>&1 &
up() { python3 - "$1" "$2" <<'C'
import socket, sys, time
question = b'\0\1\1\0\0\1\0\0\0\0\0\0' + b''.join(bytes([len(p)]) + p for p in sys.argv[2].encode().split(b'.')) + b'\0\0\1\0\1'
end = time.time() + 60
while time.time() < end:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1); s.connect(('127.0.0.1', int(sys.argv[1])))
    try:
        s.send(question)
        if s.recv(512)[3] & 15 == 0: sys.exit(0)
    except OSError: time.sleep(0.1)
sys.exit('a DNS server did not start')
C
}
recurse() { # begins with an empty cache
  [ -z "${unbound:-}" ] || { kill "$unbound"; wait "$unbound" 2>/dev/null || true; }
  unbound -d -c "$work/unbound.conf" >/dev/null 2>&1 & unbound=$!
  up "$recursor" ns.bulk; }
audit() { # audit LABEL FILE
  python3 - "$1" "$program" "$recursor" "$2" <<'C'
import resource, subprocess, sys, time
label, program, port, names = sys.argv[1:]
count = sum(1 for _ in open(names))
start = time.time()
done = subprocess.run([program, 'route', '--batch', names, '--dns-only', '--no-canaries', '--resolver', f'127.0.0.1:{port}'],
                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
took = time.time() - start
lines = done.stdout.count(b'\n')
good = done.stdout.count(b'"verdict":"deliverable"')
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
assert lines == count and good > 0.99 * count, (lines, good, count, done.returncode)
print(f'  {label:34} {count / took:9.0f} domains/s   {took:6.1f} s   peak {peak:5.0f} MiB', flush=True)
C
}
up "$authority" ns.bulk
echo "$domains domains, $(wc -l <"$work/questions.txt") questions; load before: $(cut -d' ' -f1-3 /proc/loadavg)"
recurse; audit "abprall, cold recursor" "$work/domains.txt"
audit "abprall, warm recursor" "$work/domains.txt"
head -n $((domains / 10)) "$work/domains.txt" >"$work/tenth.txt"
audit "abprall, warm, a tenth of them" "$work/tenth.txt"
perf() { dnsperf -s 127.0.0.1 -p "$recursor" -d "$work/questions.txt" -n 1 -q 1000 2>/dev/null |
  awk -v label="$1" -v n="$domains" -v q="$(wc -l <"$work/questions.txt")" '/Queries per second/ {printf "  %-34s %9.0f questions/s = %.0f domains/s\n", label, $4, $4 * n / q}'; }
perf "dnsperf, warm recursor (baseline)"
recurse; perf "dnsperf, cold recursor (baseline)"
