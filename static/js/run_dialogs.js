// What the run page asks before it does something that cannot be undone, or that leads away.

import { ask } from "console/dialogs";
import * as format from "console/format";

export function askToCancel({ store, socket }, host = null) {
  const texts = host
    ? {
        h2: `Cancel ${host.name}?`,
        '[data-dialog="text"]': "The program on this host gets TERM, and KILL a few seconds later. The other hosts go on.",
        '[data-dialog="confirm"]': `Cancel ${host.name}`,
      }
    : {
        h2: "Cancel this run?",
        '[data-dialog="text"]': cancelSentence(store),
        '[data-dialog="confirm"]': "Cancel the run",
      };
  document.getElementById("cancel-dialog").querySelector('[name="host"]').value = host?.i ?? "";
  // Without a connection the dialog's form is posted instead.
  ask(document.getElementById("cancel-dialog"), texts, () => socket.cancel(host?.i ?? null));
}

function cancelSentence(store) {
  const counts = new Map(store.counts());
  const started = (counts.get("running") ?? 0) + (counts.get("starting") ?? 0);
  const queued = counts.get("queued") ?? 0;
  return `Programs on ${format.plural(started, "host")} get TERM, and KILL a few seconds later. ` +
    (queued > 0 ? `${format.plural(queued, "waiting host")} will not start. ` : "") + `What has ended stays as it is.`;
}

export function openLink(target) {
  ask(document.getElementById("link-dialog"), { '[data-dialog="text"]': target }, () => {
    window.open(target, "_blank", "noopener,noreferrer");
  });
}

/** Copy `address`; the button's label says what came of it. */
export async function copyLink(button, address) {
  const label = button.querySelector("span");
  const text = label.textContent;
  try {
    await navigator.clipboard.writeText(address);
    label.textContent = "Copied";
  } catch {
    // The clipboard needs HTTPS or localhost: the address bar has the link, too.
    history.replaceState(null, "", address);
    label.textContent = "See address bar";
  }
  setTimeout(() => (label.textContent = text), 2_000);
}
