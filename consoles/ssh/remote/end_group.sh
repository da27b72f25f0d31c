# Runs on the host: ends the process group of a process (TERM, a grace, KILL) and looks at what is left.
#
# Set before: $process; $tenths, the grace in tenths of a second; for a detached program $spool instead of $process, $why
# it is ended, in a word, and $look to look only. Prints a word a line as it goes, see remote_sh.py.
# Whoever asked may be gone: what was begun is brought to its end.
trap "" PIPE
listing() {
  ps -A -o pgid= -o stat= -o pid= -o args= 2>/dev/null || ps -o pgid,stat,pid,args 2>/dev/null || listing_of_proc
}
listing_of_proc() {
  for file in /proc/[0-9]*/stat; do
    { read -r line <"$file"; } 2>/dev/null || continue
    name=${line#*"("}
    set -- ${line##*") "}
    printf "%s %s %s %s\n" "$3" "$1" "${line%% *}" "${name%")"*}"
  done
}
# The shell reads byte by byte: where processes are many, somebody quicker picks those of the group.
picked() { if command -v grep >/dev/null 2>&1; then grep "^ *$group "; else while read -r one; do printf "%s\n" "$one"; done; fi; }
now() { date +%s 2>/dev/null || echo 0; }
members() {
  listing | picked | while read -r pgid stat pid args; do
    case $stat in Z*) continue;; esac
    [ "$pgid" = "$group" ] && printf "%s %s\n" "$pid" "$args"
  done
}
gone() {
  # Rounds and seconds: where processes are many, or the host is busy, a round takes longer than its pause.
  tenths=$1 until=$(($(now) + ($1 + 19) / 10))
  while [ "$tenths" -gt 0 ] && [ "$(now)" -le "$until" ]; do
    [ "$all" ] && [ -z "$(members)" ] && return 0
    sleep 0.1 2>/dev/null || { sleep 1; tenths=$((tenths - 9)); }
    tenths=$((tenths - 1))
  done
  [ "$all" ] && [ -z "$(members)" ]
}
# While it is not collected by who watches over it, its number is its own.
is_ours() {
  { [ "$wrapper" ] && [ ! -s "$spool.status" ] && kill -0 "$wrapper"; } 2>/dev/null || return
  [ -r "/proc/$wrapper/cmdline" ] || { ps -o args= -p "$wrapper" 2>/dev/null | grep -qF "${spool##*/}"; return; }
  case $(tr "\\0" " " <"/proc/$wrapper/cmdline" 2>/dev/null) in *"${spool##*/}"*) ;; *) return 1 ;; esac
}
shows_our_pipe() {
  [ -d /proc/self/fd ] && command -v ls >/dev/null 2>&1 || return 0
  members | while read -r pid args; do ls -l "/proc/$pid/fd" 2>/dev/null | grep -F "$spool."; done | grep -q .
}
if [ "${spool:-}" ]; then
  boot=-
  { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
  # The program's shell writes it first of all, but after whoever started it was told so.
  tries=20
  while [ ! -s "$spool.pid" ] && [ "$tries" -gt 0 ]; do
    sleep 0.1 2>/dev/null || sleep 1
    tries=$((tries - 1))
  done
  process=
  { read -r process then wrapper copier <"$spool.pid"; } 2>/dev/null
  [ "$process" ] || { { [ -e "$spool.out" ] || [ -s "$spool" ]; } && echo early || echo none; exit; }
  [ "$process" != - ] || { echo none; exit; }
  [ "$then" = "$boot" ] || { echo none; exit; }
  # What it left behind when it had ended by itself is none of ours; what we began to end is ended.
  [ ! -s "$spool.rc" ] || [ -e "$spool.ending" ] || { echo none; exit; }
fi
all=$(listing)
# Behind a forced command the process does not lead its group, so the group is looked up.
group=$(printf "%s\n" "$all" | while read -r pgid stat pid args; do
  # One that has ended, and that nobody collects, cannot be told by its command line any more.
  case $stat in Z*) continue;; esac
  [ "$pid" = "$process" ] && echo "$pgid"
done)
# A number is given out again once its process and its group are gone: then it is somebody else's.
if [ "${spool:-}" ] && ! is_ours; then
  group=$process
  shows_our_pipe || { echo none; exit; }
fi
group=${group:-$process}
# Group 1 is never signalled: to kill it would mean everything this login may signal.
[ "$group" -gt 1 ] || exit
[ "$all" ] && [ -z "$(members)" ] && echo none && exit
if [ "${look:-}" ]; then
  members | while read -r line; do echo "left $line"; done
  exit
fi
echo term
# For whoever follows it later: it did not end by itself. A console that dies now has told nobody else.
[ -z "${spool:-}" ] || [ -e "$spool.ending" ] || echo "$why" 2>/dev/null >"$spool.ending"
kill -TERM -"$group" 2>/dev/null
kill -CONT -"$group" 2>/dev/null
if gone "$tenths"; then echo ended; exit; fi
echo kill
kill -KILL -"$group" 2>/dev/null
if gone 20; then echo ended; exit; fi
members | while read -r line; do echo "left $line"; done
