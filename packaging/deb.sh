#!/bin/sh
# Makes the Debian package from a program that is built already.
#
#   packaging/deb.sh [PROGRAM [FOLDER]]        default: target/release/abprall, target/debian
#
# Prints the path of the package. Needs dpkg-deb; dpkg-shlibdeps (dpkg-dev) where it is there, for the exact libraries.
# DEB_COMPRESSION: xz (default), zstd, gzip, none.
set -eu

project=$(cd "$(dirname "$0")/.." && pwd)
program=${1:-$project/target/release/abprall}
out=${2:-$project/target/debian}
compression=${DEB_COMPRESSION:-xz}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$project/Cargo.toml" | head -n 1)
architecture=$(dpkg --print-architecture)
# The same source makes the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$project" log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

install -D -m 755 "$program" "$root/usr/bin/abprall"
strip --strip-unneeded "$root/usr/bin/abprall" 2>/dev/null || true
install -D -m 644 "$project/packaging/abprall.toml" "$root/etc/abprall/abprall.toml"
for unit in abprall.service abprall-lmtp.socket; do
    install -D -m 644 "$project/packaging/systemd/$unit" "$root/usr/lib/systemd/system/$unit"
done
install -D -m 644 "$project/packaging/systemd/sysusers.conf" "$root/usr/lib/sysusers.d/abprall.conf"

"$program" generate "$work/generated"
install -D -m 644 "$work/generated/bash/abprall.bash" "$root/usr/share/bash-completion/completions/abprall"
install -D -m 644 "$work/generated/zsh/_abprall" "$root/usr/share/zsh/vendor-completions/_abprall"
install -D -m 644 "$work/generated/fish/abprall.fish" "$root/usr/share/fish/vendor_completions.d/abprall.fish"
mkdir -p "$root/usr/share/man/man1"
for page in "$work"/generated/man1/*.1; do
    gzip -9n <"$page" >"$root/usr/share/man/man1/$(basename "$page").gz"
done

documents=$root/usr/share/doc/abprall
for document in README.md CHANGELOG.md docs/api.md docs/feeds.md docs/logs.md docs/mailboxes.md docs/operation.md docs/output.md docs/postgresql.md docs/rules.md docs/serve.md docs/sync.md docs/watch.md; do
    install -D -m 644 "$project/$document" "$documents/$(basename "$document")"
done
cat "$project/LICENSE-MIT" "$project/LICENSE-APACHE" >"$documents/copyright"

# Exactly what the program is linked with; the oldest system that it was built on, where that cannot be told.
depends="libc6, libgcc-s1"
if command -v dpkg-shlibdeps >/dev/null; then
    mkdir -p "$work/debian"
    printf 'Source: abprall\n\nPackage: abprall\nArchitecture: any\n' >"$work/debian/control"
    found=$(cd "$work" && dpkg-shlibdeps -O "root/usr/bin/abprall" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
    depends=${found:-$depends}
fi

mkdir -p "$root/DEBIAN"
for script in postinst prerm postrm; do
    install -m 755 "$project/packaging/deb/$script" "$root/DEBIAN/$script"
done
echo /etc/abprall/abprall.toml >"$root/DEBIAN/conffiles"
(cd "$root" && find usr -type f -exec md5sum {} + | LC_ALL=C sort -k 2) >"$root/DEBIAN/md5sums"
cat >"$root/DEBIAN/control" <<CONTROL
Package: abprall
Version: $version
Architecture: $architecture
Maintainer: Abprall maintainers <maintainers@users.noreply.example>
Section: mail
Priority: optional
Depends: $depends, passwd
Recommends: ca-certificates
Suggests: postgresql, postfix | mail-transport-agent
Installed-Size: $(du -ks "$root" | cut -f 1)
Description: bounce processor: reads bounces, stops sends, watches domains
 Abprall takes bounces in, reads what they say, checks their claims against the
 network, and answers mail servers and programs that ask whether an address may
 be written to. Domains whose mail routing failed are watched, and their
 recipients come back when it works again.
CONTROL

package=$out/abprall_${version}_${architecture}.deb
dpkg-deb --build --root-owner-group "-Z$compression" "$root" "$package" >/dev/null
echo "$package"
