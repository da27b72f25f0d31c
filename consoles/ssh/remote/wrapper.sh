# Runs on the host in a session and process group of its own: the program, its output in a file, its exit status.
# $1 spool, $2 most bytes of output, $3 most KiB of all spools. The fifo is open as 9; its end tells that we are gone.
spool=$1 limit=$2 quota=$3 boot=
{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
# Without it nobody could end the program: then it is not begun.
echo "$$ $boot" >"$spool/pid" || exit 1
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
      [ -z "$used" ] || [ "${used%%[!0-9]*}" -lt "$quota" ] || stop quota
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
# Programs open their output again by name (>/dev/stderr), which would cut a file short, but not a pipe. What copies the
# pipe into the file is not of our group: it outlives a KILL until the last byte is copied. Where it cannot write, or is
# told to stop, it takes what comes all the same, so that nobody is ended for printing.
copy='exec 3<"$1/pipe"
cat <&3 >>"$1/out" &
trap "kill $! 2>/dev/null" TERM
wait $! || { cat <&3 >/dev/null; exit 9; }'
setsid /bin/sh -c "$copy" sh "$spool" </dev/null >/dev/null 2>&1 9>&- &
copier=$!
# In a subshell, or what this shell remarks about a signal would be in the program's output.
(exec "$@" </dev/null >"$spool/pipe" 2>&1 9>&-)
rc=$? tries=100 more=
# For now: its output is not whole yet, but we may not live to say more.
echo "$rc" >"$spool/status"
while kill -0 "$copier" 2>/dev/null; do
  # Something it left behind holds the output open, perhaps for ever. What that prints is not kept. While the program is
  # being ended, all of its group is, and has its last words.
  [ "$tries" -gt 0 ] || [ -e "$spool/ending" ] || { kill "$copier"; more=held; break; }
  sleep 0.02 2>/dev/null || { sleep 1; tries=$((tries - 49)); }
  tries=$((tries - 1))
done
[ "$more" ] || wait "$copier"
# Not all could be written. On a full disk the file of the exit status stays empty, too; the fifo needs no disk.
[ "$?" != 9 ] || more=full
echo "$rc $more" >"$spool/rc" || more=full
echo "$rc $more" >&9
kill "$watcher" 2>/dev/null
