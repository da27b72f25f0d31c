// Which view the address of a run page opens, and its modules at once. A script of its own that waits for nothing: when
// run_page.js runs, all that it imports is there, the page is laid out, and the connections have been idle for a while.

import { placeOf } from "console/place";

/** From so many hosts on, the grid is what there is to see first. */
export const MANY_HOSTS = 13;

const { modules, hosts } = document.querySelector('meta[name="view-modules"]').dataset;
const place = placeOf(location.hash);
const needed = JSON.parse(modules);
const usual = place.host === null && Number(hosts) >= MANY_HOSTS ? "grid" : "focus";
for (const name of needed[place.lines ? "lines" : place.view] ?? needed[usual]) {
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = import.meta.resolve(name);
  document.head.append(link);
}
