#!/bin/sh
# Installs the package in a clean Debian, as a new user would, looks at what is there, and purges it. Needs root and mmdebstrap.
#
#   packaging/test-install.sh PACKAGE.deb
set -eu

package=$(realpath "$1")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
. /etc/os-release
mmdebstrap --quiet --variant=apt "$VERSION_CODENAME" "$root"
cp "$package" "$root/abprall.deb"
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
expect() { # WHAT WANTED FOUND
    [ "$2" = "$3" ] || { echo "test-install: $1: wanted $2, found $3" >&2; exit 1; }
}

inside env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends /abprall.deb >/dev/null
expect "the settings" "root:abprall 640" "$(inside stat -c '%U:%G %a' /etc/abprall/abprall.toml)"
expect "the user" "/usr/sbin/nologin" "$(inside getent passwd abprall | cut -d : -f 7)"
inside abprall config check --config /etc/abprall/abprall.toml
inside install -d -o abprall -g abprall -m 700 /var/lib/abprall
inside setpriv --reuid abprall --regid abprall --clear-groups \
    abprall doctor --config /etc/abprall/abprall.toml --no-canaries --set http.listen=127.0.0.1:8025

# What a person wrote into the settings stays over an upgrade; the database stays when all else goes.
echo '# mine' >>"$root/etc/abprall/abprall.toml"
inside dpkg --install --force-confold /abprall.deb >/dev/null
expect "the settings after an upgrade" "# mine" "$(tail -n 1 "$root/etc/abprall/abprall.toml")"
touch "$root/var/lib/abprall/abprall.db"
inside dpkg --purge abprall >/dev/null
expect "the settings after purging" "no" "$([ -e "$root/etc/abprall/abprall.toml" ] && echo yes || echo no)"
expect "the database after purging" "yes" "$([ -e "$root/var/lib/abprall/abprall.db" ] && echo yes || echo no)"
echo "the package installs, upgrades and goes"
