# Runs on the host: starts a program so that it outlives this connection, or finds it again, and sends what it prints.
#
# $2 token, $3 "start" or "follow", $4 name of the program's spool, $5 first byte to send, $6 most bytes of output,
# $7 most KiB of all spools. $_program holds the text that is started; $_short says that it fits into the environment.
#
# Standard output carries the program's output and nothing else, after a line with our mark that says whether it was
# started or found; lines with our mark on standard error say what happens. Standard input stays open: "watch" asks to
# look after the limits, "done" means that everything is stored, its end that the connection is gone. Nothing here polls:
# tail wakes when the file grows, and a read of the fifo ends when who watches over the program, the only writer, is no
# more.
#
# Our variables begin with an underscore: what a login exports reaches the program as it is, under whatever name.
_token=$2 _action=$3 _base=${HOME:-}/.opsconsole _spool=${HOME:-}/.opsconsole/$4 _from=$5 _limit=$6 _quota=$7
_boot=-
{ read -r _boot </proc/sys/kernel/random/boot_id; } 2>/dev/null

say() { printf "\\001opsc %s %s\\n" "$_token" "$*" >&2; }
cannot() {
  say cannot "$*"
  exit 0
}

# Whether the program's group has members: what has ended and was not collected, in some containers never, does not count.
lives() {
  kill -0 -"$_pid" 2>/dev/null || return 1
  # In a subshell of its own: some shells run the end of a pipe themselves.
  { ps -A -o pgid= -o stat= || ps -o pgid,stat; } 2>/dev/null | (
    while read -r _pgid _stat; do
      case $_pgid:$_stat in "$_pid":Z*) ;; "$_pid":*) exit 0 ;; esac
    done
    exit 1
  )
}

# How the program ended: size of its output, exit status or "-", and what else is known.
ending() {
  # Of two that read the fifo at once, each may get a part.
  [ ! -s "$_spool.rc" ] || read -r _rc _size _why <"$_spool.rc"
  case $_size in "" | *[!0-9]*) look_closer ;; esac
  say_end
}
say_end() {
  for _word in ending stopped; do
    [ ! -s "$_spool.$_word" ] || read -r _why <"$_spool.$_word"
  done
  say end "$_size" "${_rc:--}" "$_why"
}
# Who watched over it did not live, or had no room on the disk, to say so.
look_closer() {
  _pid='' _then='' _rc=''
  { read -r _pid _then _rest <"$_spool.pid"; } 2>/dev/null
  # Ended by us: others of its group may print their last words until they are gone as well.
  _tries=600
  while [ -s "$_spool.ending" ] && [ "$_then" = "$_boot" ] && [ "$_tries" -gt 0 ] && lives; do
    _tries=$((_tries - 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
  [ ! -s "$_spool.status" ] || read -r _rc <"$_spool.status"
  if [ -z "$_rc" ]; then
    [ "$_pid" ] || never_begins
    [ -z "$_pid" ] || [ "$_then" = "$_boot" ] || _why=rebooted
  fi
  # The last of the output may still be on its way from the pipe into the file.
  _size=$(($(wc -c <"$_spool.out"))) _before=
  while [ "$_size" != "$_before" ]; do
    sleep 0.2 2>/dev/null || sleep 1
    _before=$_size _size=$(($(wc -c <"$_spool.out")))
  done
}

# The program's shell may be slow: it makes this file before anything else, or finds it made and goes.
never_begins() {
  set -C
  { echo "- $_boot - -" >"$_spool.pid"; } 2>/dev/null
  set +C
  { read -r _pid _then _rest <"$_spool.pid"; } 2>/dev/null
  case $_pid in "" | -) _pid='' _why=never ;; esac
}

follow() {
  # From here on what we print may have no reader any more: that must not keep us from cleaning up.
  trap "" PIPE
  # Opened for writing first, or opening it for reading would wait for somebody who may be gone.
  exec 9<>"$_spool.alive" 8<"$_spool.alive" 9>&-
  printf "\\001opsc %s %s %s\\n" "$_token" "$1" "$_boot"
  tail -c "+$((_from + 1))" -f "$_spool.out" 8<&- &
  _tail=$! _waiter='' _watching=
  # Who has just started it says itself how it ended, unless that is killed.
  [ "$1" = started ] || wait_for_end
  while read -r _bye && [ "$_bye" = watch ]; do
    start_watch
    _watching=1
    [ "$_waiter" ] || wait_for_end
  done
  kill "$_tail" 2>/dev/null
  # It has ended when the program has, and its number may be somebody else's by now.
  [ ! "$_waiter" ] || [ -s "$_spool.rc" ] || kill "$_waiter" 2>/dev/null
  case $_bye in
  done*) clean ;;
  *) [ -s "$_spool.rc" ] || [ "$_watching" ] || start_watch ;;
  esac
}
wait_for_end() {
  (
    _rc='' _size='' _why=''
    read -r _rc _size _why <&8
    ending
  ) &
  _waiter=$!
}
find_again() {
  # Whoever has made the file of its name may not have come further yet: on a busy host that takes a while.
  _tries=250
  while [ "$_tries" -gt 0 ] && [ -e "$_spool" ] && [ ! -e "$_spool.out" ]; do
    # Empty, it was removed, or made this very moment.
    [ -s "$_spool" ] || { [ "$_tries" -le 20 ] || _tries=20; [ "$_action" = start ] || break; }
    _tries=$((_tries - 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
  [ -e "$_spool.out" ] || {
    if [ -e "$_spool" ]; then say removed "$_boot"; else say gone "$_boot"; fi
    exit 0
  }
  follow found
  exit
}

# The empty file of its name stays for a week: a console that was paused in the middle of a start must not start again.
clean() {
  printf "" >"$_spool"
  [ "$_bye" = "done all" ] || exec rm -f "$_spool".*
  rm -f "$_spool".*
  find "$_base/." ! -name . -prune ! -name "*.*" -mtime +7 2>/dev/null | while read -r _old; do
    # What has no exit status may still run, here or on another host that shares this home: manage.py spools shows it.
    [ -e "$_old.out" ] && [ ! -s "$_old.rc" ] || rm -f "$_old" "$_old".*
  done
}

# Who watches over the program begins at the left of a pipe, see start.sh; we follow at its right.
main() {
  [ "$_action" = start ] && make_spool || find_again
  exec 3<&0
  # In a subshell, as dash would keep what a function's redirections put aside.
  (wrap) </dev/null 5>&2 2>/dev/null 3<&- | {
    read -r _ready
    [ "$_ready" ] || no_room
    exec <&3 3<&-
    follow started
    # This session's first shell would wait for the program. Who watches over it stays.
    [ "${_bye#done}" != "$_bye" ] || kill -KILL "$$"
  }
  exit
}
