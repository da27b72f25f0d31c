# Runs on the host: lists what it keeps of detached programs, a line each: name, KiB, days since it was started, and
# "running", "broken" (nobody runs it, and nobody wrote down how it ended) or "ended" with the exit status. Names in
# $remove are removed instead, unless they run: then the file of that name still keeps it from being used again.
base=$HOME/.opsconsole boot=-
{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
state() {
  pid='' then='' rc=''
  { read -r rc rest <"$1.rc"; } 2>/dev/null
  [ -z "$rc" ] || { echo "ended $rc"; return; }
  { read -r pid then wrapper copier <"$1.pid"; } 2>/dev/null
  # Or the last of its output is still being copied.
  if [ "$pid" ] && [ "$then" = "$boot" ] && { kill -0 -"$pid" || kill -0 "$wrapper"; } 2>/dev/null; then
    echo running
  else
    echo broken
  fi
}
for spool in "$base"/*.out; do
  [ -e "$spool" ] || continue
  spool=${spool%.out}
  now=$(state "$spool")
  case " $remove " in
  *" ${spool##*/} "*)
    [ "$now" = running ] && { echo "left ${spool##*/}"; continue; }
    printf "" >"$spool"
    rm -f "$spool".*
    echo "removed ${spool##*/}"
    ;;
  *)
    used=0
    for size in $(du -k "$spool".* | while read -r kib file; do echo "$kib"; done); do used=$((used + size)); done
    old=$(find "$spool" -prune -mtime +0 2>/dev/null)
    days=0
    while [ "$old" ] && [ "$days" -lt 99 ]; do
      days=$((days + 1))
      old=$(find "$spool" -prune -mtime "+$days" 2>/dev/null)
    done
    echo "spool ${spool##*/} $used $days $now"
    ;;
  esac
done
