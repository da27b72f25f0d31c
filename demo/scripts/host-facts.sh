#!/bin/sh
# What kind of machine this is: system, processors, memory, disk, uptime.
name=${OPSC_DEMO_HOST:-$(uname -n)}
label() { printf '\033[2m%-12s\033[0m %s\n' "$1" "$2"; }

system=$(uname -sr)
if [ -r /etc/os-release ]; then
    system="$(. /etc/os-release && echo "$PRETTY_NAME"), $(uname -sr)"
fi

printf '\033[1m%s\033[0m\n' "$name"
label system "$system"
label machine "$(uname -m)"
label processors "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo unknown)"
if [ -r /proc/meminfo ]; then
    label memory "$(awk '/^MemTotal/ { total = $2 } /^MemAvailable/ { free = $2 }
        END { printf "%.1f GiB, %.1f GiB available", total / 1048576, free / 1048576 }' /proc/meminfo)"
fi
label disk "$(df -Ph / | awk 'NR == 2 { print $4 " free of " $2 " on /" }')"
label user "$(id -un)"
label shell "${SHELL:-unknown}"
label uptime "$(uptime | sed 's/^ *//')"
