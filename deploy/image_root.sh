#!/usr/bin/env bash
# image_root.sh PROGRAM ROOT - the files of an image: PROGRAM, the libraries it is linked
# with, what libc reads, and their licences. Run where PROGRAM was built.
#
# ROOT/usr/share/doc/zex/packages lists the Debian packages they are from, with versions.
set -euo pipefail
readonly program=$1 root=$2
readonly about=$root/usr/share/doc/zex uid=10001

mkdir -p "$root"/{etc,usr/bin} "$about"
install -d -m 700 -o $uid -g $uid "$root/var/lib/zex"
install -m 755 "$program" "$root/usr/bin/"
strip --strip-debug "$root/usr/bin/${program##*/}"
ln -s "${program##*/}" "$root/usr/bin/zex-service" # one entry point for all images

# name => path (address), or for the loader: path (address).
mapfile -t libraries < <(ldd "$program" |
    sed -n 's/^\t\(.* => \)\?\(\/[^ ]*\) (0x.*/\2/p' | LC_ALL=C sort)
packages=()
for library in "${libraries[@]}"; do
    install -D -m 755 "$(realpath "$library")" "$root$library"
    # dpkg knows a file where its package put it, which since the merge of /usr may be
    # either side of the link.
    found=$(dpkg-query -S "$library" "/usr$library" "${library#/usr}" 2>/dev/null |
        head -n 1 || true)
    [[ $found ]] || {
        echo "image_root.sh: no package has $library" >&2
        exit 1
    }
    packages+=("${found%%: *}")
done
mapfile -t packages < <(printf '%s\n' "${packages[@]}" | LC_ALL=C sort -u)

dpkg-query -W -f '${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n' \
    "${packages[@]}" >"$about/packages"
for package in "${packages[@]}"; do
    install -D -m 644 "/usr/share/doc/${package%:*}/copyright" "$about/${package%:*}.copyright"
done
install -m 644 LICENSE "$about/LICENSE"

echo "zex:x:$uid:$uid::/var/lib/zex:/nonexistent" >"$root/etc/passwd"
echo "zex:x:$uid:" >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
