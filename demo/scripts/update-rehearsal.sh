#!/bin/sh
# Rehearses a system update for a minute: steps, a progress bar, colours, warnings. Changes nothing.
name=${OPSC_DEMO_HOST:-$(uname -n)}

bold='\033[1m' dim='\033[2m' green='\033[32m' yellow='\033[33m' blue='\033[34m' plain='\033[0m'

step() { printf "\n${bold}${blue}── %s${plain}\n" "$1"; }
warn() { printf "${yellow}W: %s${plain}\n" "$1" >&2; }
# Not every sleep knows fractions of a second.
pause() { sleep "$1" 2>/dev/null || sleep 1; }

bar() {
    # bar PERCENT TEXT: drawn over the line before, as apt does.
    awk -v percent="$1" -v text="$2" 'BEGIN {
        full = int(percent * 0.3)
        for (i = 1; i <= 30; i++) line = line (i <= full ? "#" : ".")
        printf "\r\033[K\033[32m[%s]\033[0m %3d %%  %s", line, percent, text
    }'
}

echo "System update of $name: a rehearsal, nothing is changed"
printf "${dim}更新の練習です。何も変更されません。 · 演练，不会更改任何内容 · 리허설입니다${plain}\n"

step "1/5 Checks before the update"
pause 1
echo "disk space on /          ok"
pause 2
echo "package database         ok"
pause 1
echo "services before          31 running, 0 failed"
pause 2

step "2/5 Package lists"
for part in InRelease "main amd64 Packages [8,788 kB]" "security InRelease [48.0 kB]" "updates InRelease [55.4 kB]"; do
    echo "Get: https://mirror.example.net/debian bookworm $part"
    pause 1.5
done
warn "The mirror answered slowly: 412 kB/s"
pause 0.2
echo "Fetched 8,892 kB in 6s (1,482 kB/s)"
pause 1

step "3/5 Download (14 packages, 61.3 MB)"
percent=0
while [ "$percent" -lt 100 ]; do
    percent=$((percent + 2))
    bar "$percent" "$((percent * 613 / 1000)) of 61 MB"
    pause 0.4
done
printf '\n'

step "4/5 Installation"
for package in base-files tzdata libc6 libssl3 openssl libcurl4 curl libsystemd0 systemd openssh-client openssh-server \
    ca-certificates locales linux-image-amd64; do
    echo "Unpacking $package ..."
    pause 0.6
    echo "Setting up $package ..."
    case $package in
    locales) printf 'Generating ja_JP.UTF-8 ... 日本語ロケールを生成しました\nGenerating zh_CN.UTF-8 ... 已生成中文语言环境\n' ;;
    openssh-server) warn "sshd_config was changed here: the version of this host is kept" ;;
    linux-image-amd64) warn "A restart is needed before the new kernel is used" ;;
    esac
    pause 0.6
done

step "5/5 Checks after the update"
for service in ssh cron rsyslog systemd-timesyncd; do
    pause 1.6
    printf "%-24s ${green}active${plain}\n" "$service"
done
pause 3
printf "\n${green}${bold}%s is up to date.${plain} 14 packages upgraded, 0 removed. 更新が完了しました。\n" "$name"
