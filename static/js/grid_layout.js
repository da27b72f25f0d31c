// The status grid's groups, and where an arrow leads in them. Pure.

/** Statuses that share a group, worst first: what starts and what runs would otherwise jump within a second. */
const GROUPS = {
  lost: "lost", failed: "failed", timed_out: "timed_out", unreachable: "unreachable", canceled: "canceled",
  reconnecting: "reconnecting", starting: "running", running: "running", queued: "queued", skipped: "skipped", succeeded: "succeeded",
};

/** The name of the group a status belongs to. */
export const groupOf = (status) => GROUPS[status];

/** The ordered hosts as [[group, indexes], …]; hosts of one group stand together in `order`. */
export function groupsOf(order, statusOf) {
  const groups = [];
  for (const i of order) {
    const name = groupOf(statusOf(i));
    if (groups.at(-1)?.[0] === name) groups.at(-1)[1].push(i);
    else groups.push([name, [i]]);
  }
  return groups;
}

/** A group's heading: "18 failed", "41 running, 3 starting". */
export function headingOf(name, statuses) {
  if (name !== "running") return [[name, statuses.length]];
  const starting = statuses.filter((status) => status === "starting").length;
  return [["running", statuses.length - starting], ["starting", starting]].filter(([, count]) => count > 0);
}

/**
 * The host that `key` leads to from host `i`, in groups that are filled in rows of `columns`; the first host where `i`
 * is not shown. Up and down keep the column across groups; the ends hold.
 */
export function neighbour(groups, columns, i, key) {
  const flat = groups.flatMap(([, hosts]) => hosts);
  const at = flat.indexOf(i);
  if (at === -1) return flat[0] ?? null;
  if (key === "Home") return flat[0];
  if (key === "End") return flat.at(-1);
  if (key === "ArrowLeft") return flat[Math.max(at - 1, 0)];
  if (key === "ArrowRight") return flat[Math.min(at + 1, flat.length - 1)];
  return vertical(groups, columns, i, key === "ArrowDown" ? 1 : -1);
}

function vertical(groups, columns, i, step) {
  const rows = groups.flatMap(([, hosts]) => rowsOf(hosts, columns));
  const row = rows.findIndex((hosts) => hosts.includes(i));
  const next = rows[row + step];
  return next ? next[Math.min(rows[row].indexOf(i), next.length - 1)] : i;
}

function rowsOf(hosts, columns) {
  const rows = [];
  for (let from = 0; from < hosts.length; from += columns) rows.push(hosts.slice(from, from + columns));
  return rows;
}
