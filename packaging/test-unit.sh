#!/bin/bash
# Boots a Debian with systemd in a container of its own (no network), installs the package, and lets the units live: start, socket, reload,
# kill, stop. Needs root, mmdebstrap and systemd-nspawn (systemd-container).
#
#   packaging/test-unit.sh PACKAGE.deb        77: this machine boots no container
set -euo pipefail

package=$(realpath "$1")
work=$(mktemp -d)
root=$work/debian
console=$work/console
container=
trap 'end' EXIT
end() {
    # 4 above the first real-time signal: power off.
    [ -z "$container" ] || { kill -s RTMIN+4 "$container" && wait "$nspawn"; } 2>/dev/null || true
    rm -rf "$work"
}
fail() {
    echo "test-unit: $*" >&2
    inside journalctl --no-pager -u abprall.service | tail -n 30 >&2 || true
    exit 1
}
inside() { nsenter --target "$container" --all env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
expect() { [ "$2" = "$3" ] || fail "$1: wanted $2, found $3"; } # WHAT WANTED FOUND
property() { inside systemctl show --property "$1" --value "$2"; }
# Waits until a command inside says yes: at most 20 seconds.
until_inside() {
    local end=$((SECONDS + 20))
    until inside "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "this did not become true: $*"
        read -rt 0.1 <> <(:) || true
    done
}

. /etc/os-release
mmdebstrap --quiet --variant=apt --include=systemd-sysv,dbus,curl,python3-minimal "$VERSION_CODENAME" "$root"
cp "$package" "$root/abprall.deb"
chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends /abprall.deb >/dev/null 2>"$work/apt" || { cat "$work/apt" >&2; exit 1; }
cat >"$root/etc/abprall/abprall.toml" <<'SETTINGS'
store = "/var/lib/abprall/abprall.db"
[http]
listen = ["127.0.0.1:8025"]
[intake.lmtp]
listen = ["systemd:lmtp"]
recipients = ["bounces@sender.example"]
[intake.smtp]
listen = ["127.0.0.1:25"]
recipients = ["bounces@sender.example"]
SETTINGS
cat >"$root/bounce.py" <<'PYTHON'
"""bounce.py ADDRESS: a bounce about the address, by LMTP; gives the last reply."""
import socket, sys
mail = f"""From: MAILER-DAEMON@mx.example\r
To: bounces@sender.example\r
Subject: Undelivered Mail\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
Sorry.\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
\r
Final-Recipient: rfc822; {sys.argv[1]}\r
Action: failed\r
Status: 5.1.1\r
Diagnostic-Code: smtp; 550 5.1.1 User unknown\r
\r
--b--\r
"""
lmtp = socket.socket(socket.AF_UNIX)
lmtp.settimeout(20)
lmtp.connect("/run/abprall-lmtp")
said = lmtp.makefile("rwb")
said.write(b"LHLO mx.example\r\nMAIL FROM:<>\r\nRCPT TO:<bounces@sender.example>\r\nDATA\r\n" + mail.encode() + b".\r\nQUIT\r\n")
said.flush()
print(said.read().decode().splitlines()[-2])
PYTHON

systemd-nspawn --register=no --keep-unit --quiet --boot --directory "$root" --private-network --console=pipe </dev/null >"$console" 2>&1 &
nspawn=$!
for _ in $(seq 100); do
    container=$(pgrep -P "$nspawn" -x systemd | head -n 1) || true
    [ -z "$container" ] || break
    read -rt 0.1 <> <(:) || true
done
[ -n "$container" ] || { cat "$console" >&2; echo "test-unit: systemd-nspawn did not start a system" >&2; exit 77; }
until_inside systemctl is-active multi-user.target

# Started: systemd waits for READY, and everybody meets what is promised.
inside systemctl enable --quiet --now abprall-lmtp.socket
inside systemctl start abprall.service || fail "it does not start"
expect "the state" active "$(property ActiveState abprall.service)"
main=$(property MainPID abprall.service)
expect "the user" abprall "$(inside ps -o user= -p "$main" 2>/dev/null || inside stat -c %U "/proc/$main")"
expect "the database" "abprall 600" "$(inside stat -c '%U %a' /var/lib/abprall/abprall.db)"
expect "the folder of the database" "abprall 700" "$(inside stat -c '%U %a' /var/lib/abprall)"
expect "readiness" 200 "$(inside curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8025/ready)"
[ "$(property WatchdogUSec abprall.service)" = 1min ] || fail "there is no watchdog"
score=$(inside systemd-analyze security --no-pager abprall.service | sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
[ "$(printf '%s\n2.0\n' "$score" | sort -g | head -n 1)" = "$score" ] || fail "systemd-analyze security says $score, which is more than 2.0"

state() { inside curl -s "http://127.0.0.1:8025/v1/check/$1" | sed -n 's/.*"state":"\([a-z]*\)".*/\1/p'; }
bounce() { inside python3 /bounce.py "$1"; }
expect "a bounce by LMTP" "250 2.0.0 taken in" "$(bounce anna@gone.example)"
expect "whom it was about" suppressed "$(state anna@gone.example)"

# Reloaded: the same process, and systemd hears when it is done.
inside systemctl reload abprall.service || fail "it does not reload"
expect "the process after a reload" "$main" "$(property MainPID abprall.service)"

# Killed: it comes again by itself, knows what it knew, and what was sent meanwhile waited in the socket.
inside sh -c "kill -KILL $main"
expect "a bounce right after the kill" "250 2.0.0 taken in" "$(bounce bert@gone.example)"
until_inside systemctl is-active abprall.service
[ "$(property MainPID abprall.service)" != "$main" ] || fail "it was not started again"
expect "what it knew" suppressed "$(state anna@gone.example)"
expect "what waited" suppressed "$(state bert@gone.example)"

# Hung: the watchdog ends it. Stopped in the middle, it says nothing any more.
inside mkdir -p /run/systemd/system/abprall.service.d
printf '[Service]\nWatchdogSec=2\n' | inside tee /run/systemd/system/abprall.service.d/watchdog.conf >/dev/null
inside systemctl daemon-reload
inside systemctl restart abprall.service
main=$(property MainPID abprall.service)
inside sh -c "kill -STOP $main"
until_inside sh -c "[ \"\$(systemctl show --property MainPID --value abprall.service)\" != $main ] && systemctl is-active abprall.service"
expect "what it knew after it hung" suppressed "$(state anna@gone.example)"

# Stopped: in order, within its time; the socket begins it again.
inside systemctl stop abprall.service 2>/dev/null # It warns of the socket.
expect "the end" success "$(property Result abprall.service)"
expect "a bounce to the socket of a stopped service" "250 2.0.0 taken in" "$(bounce carl@gone.example)"
expect "the service, begun by its socket" active "$(property ActiveState abprall.service)"
inside systemctl disable --quiet --now abprall-lmtp.socket abprall.service
expect "the journal without addresses" 0 "$(inside journalctl --no-pager -u abprall.service | grep -c 'gone.example' || true)"
echo "the units start, reload, come again after a kill and a hang, take from their socket, and stop (exposure $score)"
