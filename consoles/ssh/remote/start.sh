# Starts a program on a host so that it outlives this connection. Read before follow.sh, which says what is set.
#
# Files of a spool, after its name and a dot: script, the program; mask, the login's umask; out, what it printed; alive,
# a fifo that is open for writing while somebody watches over it; pipe, a fifo, where it prints to; pid, its process
# group, the host's boot, who watches over it and who copies; status, its exit status; rc, exit status, size and what
# else is known, once all output is there; copied, what dd has to say; ending and stopped, why the console, or the host,
# ends it; watch, who looks at the limits.

# The file of that name is the token that lets a program start once: whoever makes it starts the program, nobody else.
make_spool() {
  [ ! -e "$_spool" ] || return 1
  for _tool in setsid mkfifo tail dd; do
    command -v "$_tool" >/dev/null 2>&1 || cannot "it has no $_tool"
  done
  [ "${HOME:-}" ] && { [ -d "$_base" ] || mkdir -m 700 "$_base" || [ -d "$_base" ]; } 2>/dev/null ||
    cannot "the home directory ${HOME:-(none)} cannot be written"
  [ ! -L "$_base" ] && [ -O "$_base" ] && [ -w "$_base" ] || cannot "$_base is not a directory of its own"
  # Without another process, which mkdir would be: with -C a shell makes a file, but never opens one that is there.
  set -C
  if ! { printf "" >"$_spool"; } 2>/dev/null; then
    set +C
    [ -e "$_spool" ] || cannot "$_base cannot be written: its disk may be full"
    return 1
  fi
  set +C
  # Not empty until everything is removed again: so somebody who comes in the middle knows that it is being started.
  { echo started >"$_spool"; } 2>/dev/null || no_room
  { umask >"$_spool.mask" && read -r _mask <"$_spool.mask"; } 2>/dev/null || no_room
  umask 077
  { printf %s "$_program" >"$_spool.script" && mkfifo "$_spool.alive" "$_spool.pipe"; } 2>/dev/null || no_room
}
no_room() {
  rm -f "$_spool".*
  rm -f "$_spool"
  cannot "$_base cannot be written: its disk may be full"
}

# Starts the program, copies what it prints, waits for it, and writes down how it ended. A job in the background would
# ignore interrupts, as would the program: so this runs at the left of a pipe, and says to the right of it when to follow.
#
# Programs open their output again by name (>/dev/stderr), which would cut a file short, but not a pipe: what they print
# goes through one into the file.
wrap() {
  # What ends our session is not meant for us. With an action, not ignored: what is ignored here would be there.
  trap : TERM INT HUP PIPE
  # The output comes last: whoever finds it finds a fifo that somebody has open for writing, or had.
  exec 9<>"$_spool.alive" && printf "" >"$_spool.out" || exit
  echo ready
  exec >/dev/null
  # While we hold the pipe nobody is ended for printing, and who copies sees no end. The program is not of our group,
  # nor who copies of its: that outlives a KILL until the last byte is copied.
  exec 6<>"$_spool.pipe" 7<"$_spool.pipe"
  dd bs=65536 <&7 2>"$_spool.copied" >>"$_spool.out" 5>&- 6>&- 7<&- 9>&- &
  _copier=$!
  exec 7<&-
  # In a subshell, or what this shell remarks about a signal would be in the output.
  (begin </dev/null >"$_spool.pipe" 2>&1 5>&- 6>&- 9>&-)
  _rc=$?
  exec 6>&-
  [ ! -s "$_spool.pid" ] || write_down
}
write_down() {
  # For now: its output is not whole yet, but we may not live to say more.
  echo "$_rc" >"$_spool.status"
  poke_watch
  # A signal ends the wait, but not what is waited for.
  while wait "$_copier"; _copied=$?; [ "$_copied" -gt 128 ] && kill -0 "$_copier"; do :; done
  [ "$_copied" -le 128 ] || { wait "$_copier"; _copied=$?; }
  _why='' _size=''
  if [ "$_copied" -gt 128 ]; then
    _why=held
  elif [ "$_copied" -gt 0 ]; then
    _why=full
  else
    # Its size is the first word of the last line that dd prints, where it prints that line.
    while read -r _word _rest; do _size=$_word; done <"$_spool.copied"
  fi
  case $_size in "" | *[!0-9]*) _size=$(($(wc -c <"$_spool.out"))) ;; esac
  # Where not all could be written, on a full disk, the file of the exit status stays empty, too; a fifo needs no disk.
  echo "$_rc $_size $_why" >"$_spool.rc" || _why=full
  poke_watch
  echo "$_rc $_size $_why" >&9
  # To whom it was started for, who may be gone.
  say_end 2>&5
}

# Becomes the program, in a session and a group of its own: the first thing it does is to say who it is, or nobody could
# end it. Whatever its shell has to say, it says under the same name on every host and in every run. The environment
# hands it over, where it is short enough.
begin() {
  opsc=$_program
  # Made once: whoever finds that nothing was begun makes it as well, and then nothing will be.
  opsc_me="[ -e \"\$1\" ] || exit; set -C; "
  opsc_me=$opsc_me"echo \"\$\$ $_boot \$PPID $_copier\" 2>/dev/null >\"\${1%.script}.pid\" || exit; set +C; "
  case $_program in
  "#!"*) opsc='' opsc_me=$opsc_me$_as_file ;;
  *)
    [ "$_short" ] || opsc='' opsc_me=$opsc_me'opsc=$(cat "$1"; echo .); opsc=${opsc%.}; '
    opsc_me=$opsc_me'shift; eval "unset opsc opsc_me; $opsc"'
    ;;
  esac
  export opsc opsc_me
  umask "$_mask"
  exec setsid /bin/sh -c 'eval "$opsc_me"' sh "$_spool.script"
}
# A line that names no interpreter means the shell.
_as_file='unset opsc opsc_me; read -r _first <"$1"; set -- "$1" ${_first#??}; _file=$1; shift; exec ${*:-/bin/sh} "$_file"'
