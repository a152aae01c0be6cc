#!/bin/sh
# Builds vertex-backup and takes one backup the whole way: to a remote and back.
#
# Everything happens in a scratch folder inside cargo's target directory, which
# is removed at the end, also after a failure. The tool gets an empty HOME and
# none of your environment, so it finds no settings and no data of yours.
#
#   CARGO_TARGET_DIR   where to build, as for cargo
#   CARGO              the cargo to build with
#   VERTEX_BACKUP_BIN  a vertex-backup to use instead of building one
set -eu

here=$(pwd)
root=$(cd -- "$(dirname -- "$0")/.." && pwd)
backup=db_backup_20250131_040000

absolute() {
    case $1 in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$here/$1" ;;
    esac
}

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum
    elif command -v shasum >/dev/null 2>&1; then
        shasum -a 256
    else
        openssl dgst -sha256 -r
    fi < "$1" | cut -d ' ' -f 1
}

# Prints a word as it would be typed.
typed() {
    case $1 in
        *[!A-Za-z0-9_./:=,@%+-]* | '') printf " '%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
        *) printf ' %s' "$1" ;;
    esac
}

# Prints the command and runs it, with nothing of the caller's environment but these.
vertex_backup() {
    printf '\n$ vertex-backup'
    for word in "$@"; do typed "$word"; done
    printf '\n'
    env -i HOME="$scratch/home" PATH="$PATH" USER="${USER:-$(id -un)}" TZ="${TZ:-}" TERM=dumb $guard \
        "$tool" "$@" </dev/null 2>&1
}

if [ -n "${CARGO_TARGET_DIR:-}" ]; then
    CARGO_TARGET_DIR=$(absolute "$CARGO_TARGET_DIR")
    export CARGO_TARGET_DIR
fi
cd -- "$root"
if [ -n "${VERTEX_BACKUP_BIN:-}" ]; then
    tool=$(absolute "$VERTEX_BACKUP_BIN")
    folder=${CARGO_TARGET_DIR:-$root/target}
    mkdir -p -- "$folder"
else
    # With another HOME than usual, rustup's toolchains are found beside its cargo.
    cargo=$(command -v "${CARGO:-cargo}") || { echo 'error: cargo is missing; install Rust first' >&2; exit 1; }
    usual=${cargo%/.cargo/bin/cargo}
    if [ "$usual" != "$cargo" ] && [ -d "$usual/.rustup" ] && [ ! -d "${HOME:-}/.rustup" ]; then
        export RUSTUP_HOME="${RUSTUP_HOME:-$usual/.rustup}" CARGO_HOME="${CARGO_HOME:-$usual/.cargo}"
    fi
    # The debug profile builds fastest, and `cargo test` goes on with what was built.
    echo 'Building vertex-backup; the first time this takes a minute or two.'
    built=$("$cargo" build --message-format=json-render-diagnostics)
    tool=$(printf '%s\n' "$built" | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
    folder=$(dirname -- "$tool")
fi
[ -x "$tool" ] || { echo "error: there is no program '$tool'" >&2; exit 1; }

umask 077
scratch=$(mktemp -d "$folder/quickstart.XXXXXX")
trap 'cd /; rm -rf -- "$scratch"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$scratch/home" "$scratch/backups" "$scratch/restored"
cp "$root/tests/fixtures/vertex-ar/backups/database/$backup.db" \
    "$root/tests/fixtures/vertex-ar/backups/database/$backup.json" "$scratch/backups/"
cd "$scratch"

# A real Vertex AR or a system-wide configuration on this machine must not be found.
guard=
if [ -e /app/data/app_data.db ] || [ -e /etc/vertex-backup/config.json ]; then
    printf '{}\n' > config.json
    guard='VERTEX_BACKUP_DB=app_data.db VERTEX_BACKUP_CONFIG=config.json'
fi

vertex_backup --version
vertex_backup init
vertex_backup company add acme-corp --name 'Acme Corporation'
vertex_backup config set acme-corp --provider local
vertex_backup sync acme-corp "backups/$backup.db"
vertex_backup files acme-corp
vertex_backup status
vertex_backup download acme-corp "$backup.db" -o restored/

sent=$(sha256 "backups/$backup.db")
back=$(sha256 "restored/$backup.db")
printf '\nSHA-256 of what was sent:     %s\n' "$sent"
printf 'SHA-256 of what came back:    %s\n' "$back"
if [ -z "$sent" ] || [ "$sent" != "$back" ]; then
    echo 'error: what came back is not what was sent' >&2
    exit 1
fi
printf '\nThe backup went to the remote and back with the same SHA-256.\n'
