# Runs on the host: starts a program so that it outlives this connection, or finds it again, and sends what it prints.
#
# $2 token, $3 "start" or "follow", $4 name of the program's spool, $5 first byte to send, $6 most bytes of output,
# $7 most KiB of all spools. $wrapper and $program hold the texts that go into the spool.
#
# Standard output carries the program's output and nothing else, after a line with our mark; lines with our mark on
# standard error say what happens. Standard input stays open: "done" means that everything is stored, its end that the
# connection is gone. Nothing here polls: tail wakes when the file grows, and a read of the fifo ends when the wrapper,
# the only writer, is no more.
token=$2 action=$3 base=${HOME:-}/.opsconsole spool=${HOME:-}/.opsconsole/$4 from=$5 limit=$6 quota=$7
boot=
{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null

say() { printf "\\001opsc %s %s\\n" "$token" "$*" >&2; }
cannot() {
  say cannot "$*"
  exit 0
}

# The directory is the token that lets a program start once: whoever makes it starts the program, nobody else does.
start() {
  [ ! -d "$spool" ] || return 0
  for tool in setsid mkfifo tail; do
    command -v "$tool" >/dev/null 2>&1 || cannot "it has no $tool"
  done
  [ "${HOME:-}" ] && { [ -d "$base" ] || mkdir -m 700 "$base" || [ -d "$base" ]; } 2>/dev/null ||
    cannot "the home directory ${HOME:-(none)} cannot be written"
  [ ! -L "$base" ] && [ -O "$base" ] && [ -w "$base" ] || cannot "$base is not a directory of its own"
  if ! mkdir -m 700 "$spool" 2>/dev/null; then
    [ -d "$spool" ] || cannot "$base cannot be written: its disk may be full"
    return
  fi
  {
    printf %s "$wrapper" >"$spool/run" && printf %s "$program" >"$spool/script" && mkfifo "$spool/alive" "$spool/pipe" &&
      # The output comes last: whoever finds it finds a fifo that somebody has open for writing, or had.
      exec 9<>"$spool/alive" 8<"$spool/alive" && printf "" >"$spool/out"
  } 2>/dev/null || {
    rm -rf "$spool"
    cannot "$base cannot be written: its disk may be full"
  }
  # Twice: this shell has no job control, and a job put into the background would ignore interrupts, as would the
  # program. The first setsid makes a leader of a group, and the second one then starts a process of its own.
  setsid setsid /bin/sh "$spool/run" "$spool" "$limit" "$quota" </dev/null >/dev/null 2>&1 8<&-
  exec 9>&-
  fresh=started
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
  [ ! -s "$spool/rc" ] || read -r rc why <"$spool/rc"
  pid=
  { read -r pid then <"$spool/pid"; } 2>/dev/null
  for word in ending stopped; do
    [ ! -s "$spool/$word" ] || read -r why <"$spool/$word"
  done
  # Ended by us: its shell is gone, and others of its group may print their last words until they are gone as well.
  tries=600
  while [ -s "$spool/ending" ] && [ "$then" = "$boot" ] && [ "$tries" -gt 0 ] && lives; do
    tries=$((tries - 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
  size=$(($(wc -c <"$spool/out"))) before='' whole=$rc
  [ "$rc" ] || [ ! -s "$spool/status" ] || read -r rc <"$spool/status"
  if [ -z "$rc" ]; then
    [ "$pid" ] || why=never
    [ -z "$pid" ] || [ "$then" = "$boot" ] || why=rebooted
  fi
  # Where the wrapper did not wait for it, the last of the output may still be on its way from the pipe into the file.
  while { [ -z "$whole" ] || [ -s "$spool/ending" ]; } && [ "$size" != "$before" ]; do
    sleep 0.2 2>/dev/null || sleep 1
    before=$size size=$(($(wc -c <"$spool/out")))
  done
  say end "$size" "${rc:--}" "$why"
}

follow() {
  # Whoever has made the directory this moment may not have come further yet.
  tries=20
  while [ "$action" = start ] && [ "$tries" -gt 0 ] && [ -d "$spool" ] && [ ! -e "$spool/out" ]; do
    tries=$((tries - 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
  [ -e "$spool/out" ] || {
    if [ -d "$spool" ]; then say removed "$boot"; else say gone "$boot"; fi
    exit 0
  }
  # From here on what we print may have no reader any more: that must not keep us from cleaning up.
  trap "" PIPE
  # Opened for writing first, or opening it for reading would wait for a wrapper that may be gone.
  [ "${fresh:-}" ] || exec 9<>"$spool/alive" 8<"$spool/alive" 9>&-
  say "${fresh:-found}" "$boot"
  printf "\\001opsc %s\\n" "$token"
  tail -c "+$((from + 1))" -f "$spool/out" 8<&- &
  tail=$!
  (
    rc='' why=''
    read -r rc why <&8
    ending
  ) &
  waiter=$!
  exec 8<&-
  bye=
  read -r bye
  kill "$tail" 2>/dev/null
  # It has ended when the program has, and its number may be somebody else's by now.
  [ -s "$spool/rc" ] || kill "$waiter" 2>/dev/null
  case $bye in done*) clean ;; esac
}

# The empty directory stays for a week: a console that was paused in the middle of a start must not start it again.
clean() {
  rm -f "$spool"/*
  [ "$bye" = "done all" ] || return 0
  find "$base/." ! -name . -prune -type d -mtime +7 2>/dev/null | while read -r old; do
    rmdir "$old" 2>/dev/null && continue
    # What has no exit status may still run, here or on another host that shares this home: manage.py spools shows it.
    [ ! -s "$old/rc" ] || rm -rf "$old"
  done
}

[ "$action" != start ] || start
follow
