# Looks after the disk and after what a program leaves behind, while nobody is connected too. Read before follow.sh.
# It begins when a program has run for a second, or when contact breaks: most programs end before. The newest counts.
start_watch() {
  # First, or on a busy host it would take itself for an older one.
  echo "$_token" 2>/dev/null >"$_spool.watch"
  # In a subshell: dash keeps what a function's redirections put aside, and with it the session open.
  (watch) </dev/null >/dev/null 2>&1 3<&- 8<&- &
  echo "$_token $!" 2>/dev/null >"$_spool.watch"
}
# CONT wakes it, and does no harm to whoever may have its number by then.
poke_watch() {
  [ -s "$_spool.watch" ] && read -r _newest _watcher <"$_spool.watch" && [ "$_watcher" ] && kill -CONT "$_watcher"
}
# Looks often only while there is something to see.
watch() {
  _nap='' _poked=''
  # Only while it naps: later that number is somebody else's.
  trap '_poked=1; [ ! "$_nap" ] || kill "$_nap"' CONT
  trap - PIPE
  _pause=1 _size=0 _checked=0
  while :; do
    if [ ! "$_poked" ]; then
      sleep "$_pause" &
      _nap=$!
      wait "$_nap"
    fi
    _nap='' _poked=''
    is_wanted || exit 0
    [ ! -s "$_spool.status" ] || let_go
    # Who copies has ended before the program: the disk is full.
    [ ! "$_copier" ] || kill -0 "$_copier" || drain
    _before=$_size _size=$(($(wc -c <"$_spool.out")))
    [ "$_size" -le "$_limit" ] || stop size
    if [ "$_size" -gt $((_checked + 16777216)) ]; then
      _checked=$_size _used=$(du -sk "$_base" 2>/dev/null)
      [ -z "$_used" ] || [ "${_used%%[!0-9]*}" -lt "$_quota" ] || stop quota
    fi
    if [ "$_size" != "$_before" ]; then _pause=1; elif [ "$_pause" -lt 30 ]; then _pause=$((_pause * 2)); fi
  done
}
# Who watches over the program, and waits for it, is its parent. Once that is gone nobody writes down anything more.
is_wanted() {
  [ -e "$_spool.out" ] && [ ! -s "$_spool.rc" ] || return
  # On a full disk nobody could write down that he is the newest.
  if [ -s "$_spool.watch" ]; then
    read -r _newest _watcher <"$_spool.watch" && [ "$_newest" = "$_token" ] || return
  fi
  # On a busy host it may not have begun yet.
  [ -s "$_spool.pid" ] || { _copier='' && [ "$_pause" -lt 30 ]; return; }
  read -r _pid _then _wrapper _copier <"$_spool.pid" && kill -0 "$_wrapper"
}
# The program has ended, and something it left behind holds its output open, perhaps for ever. What that prints is not
# kept. While the program is being ended, all of its group is, and has its last words.
let_go() {
  _tries=20
  while is_wanted && { [ "$_tries" -gt 0 ] || { [ -e "$_spool.ending" ] && kill -0 -"$_pid"; }; }; do
    # Only while there is nothing to copy: the disk, or the host, may be slow.
    ! has_copied || _tries=$((_tries - 1))
    sleep 0.1 || sleep 1
  done
  is_wanted && drain "$_copier"
  exit 0
}
# Whether who copies sleeps, in a read from the pipe.
has_copied() {
  { read -r _stat <"/proc/$_copier/stat"; } 2>/dev/null || return 0
  case ${_stat##*") "} in S*) ;; *) return 1 ;; esac
}
# Somebody takes what comes all the same, so that nobody waits, or is ended, for printing. At no time is there nobody.
drain() {
  exec 7<>"$_spool.pipe" 8<"$_spool.pipe" 7>&-
  [ ! "$1" ] || kill -TERM "$1"
  cat <&8 >/dev/null &
  # Whoever gets our number shall not be poked.
  printf "" >"$_spool.watch"
  exit 0
}
# While it is not collected by who watches over it, its number is its own.
stop() {
  [ ! -e "$_spool.ending" ] && [ ! -s "$_spool.status" ] || return
  echo "$1" >"$_spool.stopped"
  kill -TERM -"$_pid"
  _tries=50
  while [ "$_tries" -gt 0 ] && kill -0 -"$_pid"; do
    # The console ends it as well.
    [ ! -e "$_spool.ending" ] || exit 0
    sleep 0.1 || { sleep 1; _tries=$((_tries - 9)); }
    _tries=$((_tries - 1))
  done
  kill -KILL -"$_pid"
}
