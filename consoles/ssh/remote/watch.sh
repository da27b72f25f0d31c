# Looks after the disk and after what a program leaves behind, while nobody is connected too. Read before follow.sh.
# It begins when a program has run for a second, or when contact breaks: most programs end before. The newest counts.
start_watch() {
  # First, or on a busy host it would take itself for an older one.
  echo "$token" 2>/dev/null >"$spool.watch"
  # In a subshell: dash keeps what a function's redirections put aside, and with it the session open.
  (watch) </dev/null >/dev/null 2>&1 3<&- 8<&- &
  echo "$token $!" 2>/dev/null >"$spool.watch"
}
# CONT wakes it, and does no harm to whoever may have its number by then.
poke_watch() {
  [ -s "$spool.watch" ] && read -r newest watcher <"$spool.watch" && [ "$watcher" ] && kill -CONT "$watcher"
}
# Looks often only while there is something to see.
watch() {
  nap='' poked=''
  # Only while it naps: later that number is somebody else's.
  trap 'poked=1; [ ! "$nap" ] || kill "$nap"' CONT
  trap - PIPE
  pause=1 size=0 checked=0
  while :; do
    if [ ! "$poked" ]; then
      sleep "$pause" &
      nap=$!
      wait "$nap"
    fi
    nap='' poked=''
    is_wanted || exit 0
    [ ! -s "$spool.status" ] || let_go
    # Who copies has ended before the program: the disk is full.
    [ ! "$copier" ] || kill -0 "$copier" || drain
    before=$size size=$(($(wc -c <"$spool.out")))
    [ "$size" -le "$limit" ] || stop size
    if [ "$size" -gt $((checked + 16777216)) ]; then
      checked=$size used=$(du -sk "$base" 2>/dev/null)
      [ -z "$used" ] || [ "${used%%[!0-9]*}" -lt "$quota" ] || stop quota
    fi
    if [ "$size" != "$before" ]; then pause=1; elif [ "$pause" -lt 30 ]; then pause=$((pause * 2)); fi
  done
}
# Who watches over the program, and waits for it, is its parent. Once that is gone nobody writes down anything more.
is_wanted() {
  [ -e "$spool.out" ] && [ ! -s "$spool.rc" ] || return
  # On a full disk nobody could write down that he is the newest.
  if [ -s "$spool.watch" ]; then
    read -r newest watcher <"$spool.watch" && [ "$newest" = "$token" ] || return
  fi
  # On a busy host it may not have begun yet.
  [ -s "$spool.pid" ] || { copier='' && [ "$pause" -lt 30 ]; return; }
  read -r pid then wrapper copier <"$spool.pid" && kill -0 "$wrapper"
}
# The program has ended, and something it left behind holds its output open, perhaps for ever. What that prints is not
# kept. While the program is being ended, all of its group is, and has its last words.
let_go() {
  tries=20
  while is_wanted && { [ "$tries" -gt 0 ] || { [ -e "$spool.ending" ] && kill -0 -"$pid"; }; }; do
    # Only while there is nothing to copy: the disk, or the host, may be slow.
    ! has_copied || tries=$((tries - 1))
    sleep 0.1 || sleep 1
  done
  is_wanted && drain "$copier"
  exit 0
}
# Whether who copies sleeps, in a read from the pipe.
has_copied() {
  { read -r stat <"/proc/$copier/stat"; } 2>/dev/null || return 0
  case ${stat##*") "} in S*) ;; *) return 1 ;; esac
}
# Somebody takes what comes all the same, so that nobody waits, or is ended, for printing. At no time is there nobody.
drain() {
  exec 7<>"$spool.pipe" 8<"$spool.pipe" 7>&-
  [ ! "$1" ] || kill -TERM "$1"
  cat <&8 >/dev/null &
  # Whoever gets our number shall not be poked.
  printf "" >"$spool.watch"
  exit 0
}
# While it is not collected by who watches over it, its number is its own.
stop() {
  [ ! -e "$spool.ending" ] && [ ! -s "$spool.status" ] || return
  echo "$1" >"$spool.stopped"
  kill -TERM -"$pid"
  tries=50
  while [ "$tries" -gt 0 ] && kill -0 -"$pid"; do
    # The console ends it as well.
    [ ! -e "$spool.ending" ] || exit 0
    sleep 0.1 || { sleep 1; tries=$((tries - 9)); }
    tries=$((tries - 1))
  done
  kill -KILL -"$pid"
}
