# Runs on the host: lists what it keeps of detached programs, a line each: name, KiB, days since something was made or
# removed there, and "running", "broken" (nobody runs it, and nobody wrote down how it ended) or "ended" with the exit
# status. Names in $remove are removed instead, unless they run. Empty directories only keep a name from being used again.
base=$HOME/.opsconsole boot=
{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
state() {
  pid='' then='' rc=''
  { read -r rc rest <"$1/rc"; } 2>/dev/null
  [ -z "$rc" ] || { echo "ended $rc"; return; }
  { read -r pid then <"$1/pid"; } 2>/dev/null
  if [ "$pid" ] && [ "$then" = "$boot" ] && kill -0 -"$pid" 2>/dev/null; then echo running; else echo broken; fi
}
for spool in "$base"/*/; do
  spool=${spool%/}
  [ -e "$spool/out" ] || continue
  now=$(state "$spool")
  case " $remove " in
  *" ${spool##*/} "*)
    [ "$now" = running ] && { echo "left ${spool##*/}"; continue; }
    rm -f "$spool"/*
    echo "removed ${spool##*/}"
    ;;
  *)
    used=$(du -sk "$spool")
    old=$(find "$spool" -prune -mtime +0 2>/dev/null)
    days=0
    while [ "$old" ] && [ "$days" -lt 99 ]; do
      days=$((days + 1))
      old=$(find "$spool" -prune -mtime "+$days" 2>/dev/null)
    done
    echo "spool ${spool##*/} ${used%%[!0-9]*} $days $now"
    ;;
  esac
done
