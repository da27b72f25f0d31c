# Runs on the host in a session and process group of its own: the program, its output in a file, its exit status.
# $1 spool, $2 most bytes of output, $3 most KiB of all spools. The fifo is open as 9; its end tells that we are gone.
spool=$1 limit=$2 quota=$3 boot=
{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
echo "$$ $boot" >"$spool/pid"
# A signal to the group ends the program; we stay to write down how it ended.
trap : TERM INT HUP

# While nobody is connected, nobody else looks after the disk. Looks often only while there is something to see.
watch() {
  trap 'kill "$nap" 2>/dev/null; exit 0' TERM
  pause=1 size=0 checked=0
  while :; do
    sleep "$pause" &
    nap=$!
    wait "$nap"
    # Killed, we write down nothing more, and whoever looks for what is left should find the program only.
    kill -0 "$$" 2>/dev/null || exit 0
    before=$size size=$(($(wc -c <"$spool/out")))
    [ "$size" -le "$limit" ] || stop size
    if [ "$size" -gt $((checked + 16777216)) ]; then
      checked=$size used=$(du -sk "${spool%/*}" 2>/dev/null)
      [ "${used%%[!0-9]*}" -lt "$quota" ] || stop quota
    fi
    if [ "$size" != "$before" ]; then pause=1; elif [ "$pause" -lt 30 ]; then pause=$((pause * 2)); fi
  done
}
stop() {
  echo "$1" >"$spool/stopped"
  trap "" TERM
  kill -TERM 0
  tries=50
  while [ "$tries" -gt 0 ] && kill -0 "$$" 2>/dev/null; do
    # The console ends it as well, and nobody but the program shall be left in its eyes.
    [ ! -e "$spool/ending" ] || exit 0
    sleep 0.1 2>/dev/null || { sleep 1; tries=$((tries - 9)); }
    tries=$((tries - 1))
  done
  kill -KILL 0
}

watch 9>&- &
watcher=$!
read -r first <"$spool/script"
case $first in
# Whatever a shell has to say, it says under the same name on every host and in every run.
"#!"*) set -- /bin/sh -c 'exec $1 "$2"' sh "${first#??}" "$spool/script" ;;
*) set -- /bin/sh -c 'opsc=$(cat "$1"; echo .); shift; eval "unset opsc; ${opsc%.}"' sh "$spool/script" ;;
esac
# In a subshell, or what this shell remarks about a signal would be in the program's output.
(exec "$@" </dev/null >>"$spool/out" 2>&1 9>&-)
rc=$?
# On a full disk the file stays empty, and output may be missing, too. The fifo needs no disk.
echo "$rc" >"$spool/rc" || rc="$rc full"
echo "$rc" >&9
kill "$watcher" 2>/dev/null
