# Runs on the host: starts a program so that it outlives this connection, or finds it again, and sends what it prints.
#
# $2 token, $3 "start" or "follow", $4 name of the program's spool, $5 first byte to send, $6 most bytes of output,
# $7 most KiB of all spools. $program holds the text that is started; $short says that it fits into the environment.
#
# Standard output carries the program's output and nothing else, after a line with our mark that says whether it was
# started or found; lines with our mark on standard error say what happens. Standard input stays open: "watch" asks to look after the limits, "done" means that
# everything is stored, its end that the connection is gone. Nothing here polls: tail wakes when the file grows, and a
# read of the fifo ends when who watches over the program, the only writer, is no more.
token=$2 action=$3 base=${HOME:-}/.opsconsole spool=${HOME:-}/.opsconsole/$4 from=$5 limit=$6 quota=$7
boot=-
{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null

say() { printf "\\001opsc %s %s\\n" "$token" "$*" >&2; }
cannot() {
  say cannot "$*"
  exit 0
}

# Whether the program's group has members: what has ended and was not collected, in some containers never, does not count.
lives() {
  kill -0 -"$pid" 2>/dev/null || return 1
  # In a subshell of its own: some shells run the end of a pipe themselves.
  { ps -A -o pgid= -o stat= || ps -o pgid,stat; } 2>/dev/null | (
    while read -r pgid stat; do
      case $pgid:$stat in "$pid":Z*) ;; "$pid":*) exit 0 ;; esac
    done
    exit 1
  )
}

# How the program ended: size of its output, exit status or "-", and what else is known.
ending() {
  # Of two that read the fifo at once, each may get a part.
  [ ! -s "$spool.rc" ] || read -r rc size why <"$spool.rc"
  case $size in "" | *[!0-9]*) look_closer ;; esac
  say_end
}
say_end() {
  for word in ending stopped; do
    [ ! -s "$spool.$word" ] || read -r why <"$spool.$word"
  done
  say end "$size" "${rc:--}" "$why"
}
# Who watched over it did not live, or had no room on the disk, to say so.
look_closer() {
  pid='' then='' rc=''
  { read -r pid then rest <"$spool.pid"; } 2>/dev/null
  # Ended by us: others of its group may print their last words until they are gone as well.
  tries=600
  while [ -s "$spool.ending" ] && [ "$then" = "$boot" ] && [ "$tries" -gt 0 ] && lives; do
    tries=$((tries - 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
  [ ! -s "$spool.status" ] || read -r rc <"$spool.status"
  if [ -z "$rc" ]; then
    [ "$pid" ] || never_begins
    [ -z "$pid" ] || [ "$then" = "$boot" ] || why=rebooted
  fi
  # The last of the output may still be on its way from the pipe into the file.
  size=$(($(wc -c <"$spool.out"))) before=
  while [ "$size" != "$before" ]; do
    sleep 0.2 2>/dev/null || sleep 1
    before=$size size=$(($(wc -c <"$spool.out")))
  done
}

# The program's shell may be slow: it makes this file before anything else, or finds it made and goes.
never_begins() {
  set -C
  { echo "- $boot - -" >"$spool.pid"; } 2>/dev/null
  set +C
  { read -r pid then rest <"$spool.pid"; } 2>/dev/null
  case $pid in "" | -) pid='' why=never ;; esac
}

follow() {
  # From here on what we print may have no reader any more: that must not keep us from cleaning up.
  trap "" PIPE
  # Opened for writing first, or opening it for reading would wait for somebody who may be gone.
  exec 9<>"$spool.alive" 8<"$spool.alive" 9>&-
  printf "\\001opsc %s %s %s\\n" "$token" "$1" "$boot"
  tail -c "+$((from + 1))" -f "$spool.out" 8<&- &
  tail=$! waiter='' watching=
  # Who has just started it says itself how it ended, unless that is killed.
  [ "$1" = started ] || wait_for_end
  while read -r bye && [ "$bye" = watch ]; do
    start_watch
    watching=1
    [ "$waiter" ] || wait_for_end
  done
  kill "$tail" 2>/dev/null
  # It has ended when the program has, and its number may be somebody else's by now.
  [ ! "$waiter" ] || [ -s "$spool.rc" ] || kill "$waiter" 2>/dev/null
  case $bye in
  done*) clean ;;
  *) [ -s "$spool.rc" ] || [ "$watching" ] || start_watch ;;
  esac
}
wait_for_end() {
  (
    rc='' size='' why=''
    read -r rc size why <&8
    ending
  ) &
  waiter=$!
}
find_again() {
  # Whoever has made the file of its name may not have come further yet: on a busy host that takes a while.
  tries=250
  while [ "$tries" -gt 0 ] && [ -e "$spool" ] && [ ! -e "$spool.out" ]; do
    # Empty, it was removed, or made this very moment.
    [ -s "$spool" ] || { [ "$tries" -le 20 ] || tries=20; [ "$action" = start ] || break; }
    tries=$((tries - 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
  [ -e "$spool.out" ] || {
    if [ -e "$spool" ]; then say removed "$boot"; else say gone "$boot"; fi
    exit 0
  }
  follow found
  exit
}

# The empty file of its name stays for a week: a console that was paused in the middle of a start must not start again.
clean() {
  printf "" >"$spool"
  [ "$bye" = "done all" ] || exec rm -f "$spool".*
  rm -f "$spool".*
  find "$base/." ! -name . -prune ! -name "*.*" -mtime +7 2>/dev/null | while read -r old; do
    # What has no exit status may still run, here or on another host that shares this home: manage.py spools shows it.
    [ -e "$old.out" ] && [ ! -s "$old.rc" ] || rm -f "$old" "$old".*
  done
}

# Who watches over the program begins at the left of a pipe, see start.sh; we follow at its right.
main() {
  [ "$action" = start ] && make_spool || find_again
  exec 3<&0
  # In a subshell, as dash would keep what a function's redirections put aside.
  (wrap) </dev/null 5>&2 2>/dev/null 3<&- | {
    read -r ready
    [ "$ready" ] || no_room
    exec <&3 3<&-
    follow started
    # This session's first shell would wait for the program. Who watches over it stays.
    [ "${bye#done}" != "$bye" ] || kill -KILL "$$"
  }
  exit
}
