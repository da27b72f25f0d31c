// The command palette of pages that have no commands of their own.

import { CommandBox } from "console/command_box";
import { runNumbered, siteCommands } from "console/site_commands";

if (!document.getElementById("palette") && document.querySelector(".top-nav")) {
  const dialog = document.createElement("dialog");
  dialog.className = "palette";
  dialog.setAttribute("aria-label", "Commands");
  document.body.append(dialog);
  const box = new CommandBox(dialog, { all: siteCommands, named: runNumbered });
  for (const button of document.querySelectorAll("[data-palette]")) button.addEventListener("click", () => box.open());
}
