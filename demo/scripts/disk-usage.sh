#!/bin/sh
# How full the file systems are, as bars; fails where one is fuller than 95 %.
LC_ALL=C df -P 2>/dev/null | awk '
    NR == 1 || $1 !~ /^\// && $6 != "/" { next }
    seen[$1]++ { next }
    {
        used = $5 + 0
        colour = used > 95 ? 31 : used > 80 ? 33 : 32
        full = int(used / 4 + 0.5)
        bar = ""
        for (i = 1; i <= 25; i++) bar = bar (i <= full ? "█" : "░")
        printf "\033[%dm%s\033[0m %3d %%  %6.1f GiB free  %s\n", colour, bar, used, $4 / 1048576, $6
        if (used > 95) worst = 1
    }
    END { exit worst }
'
