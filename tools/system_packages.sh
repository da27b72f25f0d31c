#!/bin/sh
# Installs what the tests need from the system: sshd, redis-server, PostgreSQL, Chromium, Python's venv, and two shells that
# hosts may have (busybox 2 MB, tcsh 1 MB). Quick when all is there.
set -eu

PATH=$PATH:/usr/sbin:/sbin

missing() {
    command -v sshd >/dev/null || echo openssh-server
    command -v redis-server >/dev/null || echo redis-server
    command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo postgresql
    for browser in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v $browser >/dev/null; then browser=; break; fi
    done
    [ -z "$browser" ] || echo chromium-headless-shell
    command -v busybox >/dev/null || echo busybox-static
    command -v tcsh >/dev/null || echo tcsh
    python=$(command -v python3 || true)
    # .venv may exist already; then nobody asks for this any more.
    [ -x .venv/bin/python ] || [ -z "$python" ] || "$python" -c 'import ensurepip' 2>/dev/null || echo python3-venv
}

packages=$(missing | xargs)
[ -n "$packages" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    as_root="sudo -n"
fi
if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
    echo "The tests need these packages, and this account may not install them: $packages" >&2
    echo "Ask for them (on Debian and Ubuntu: sudo apt-get install $packages), then run make test again." >&2
    exit 1
fi

# shellcheck disable=SC2086 # a list of words
install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages; }

echo "Installing $packages ..."
if ! install >/dev/null 2>&1; then
    $as_root apt-get update -qq
    # Where no such package is known, the whole browser will do.
    apt-cache show chromium-headless-shell >/dev/null 2>&1 ||
        packages=$(echo "$packages" | sed s/chromium-headless-shell/chromium/)
    install >/dev/null
fi

# The tests start servers of their own; nobody asked for these ones to listen from now on.
for package in $packages; do
    case $package in
    openssh-server) $as_root systemctl disable --now ssh.service ssh.socket >/dev/null 2>&1 || true ;;
    postgresql)
        $as_root systemctl disable --now postgresql.service >/dev/null 2>&1 ||
            $as_root service postgresql stop >/dev/null 2>&1 || true
        ;;
    redis-server) $as_root systemctl disable --now redis-server.service >/dev/null 2>&1 || true ;;
    esac
done

still=$(missing | xargs)
if [ -n "$still" ]; then
    echo "Still missing after the installation: $still. Install them another way, then run make test again." >&2
    exit 1
fi
