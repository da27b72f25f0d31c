// WebGL for the one terminal that has the reader's attention. Browsers allow few contexts and take them back at will:
// there is never more than one, and whoever has none draws with the DOM.

/** Whether there is WebGL in hardware: drawn in software it is slower than the DOM. */
function hasFastGraphics() {
  const probe = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!probe) return false;
  const names = probe.getExtension("WEBGL_debug_renderer_info");
  const renderer = names ? probe.getParameter(names.UNMASKED_RENDERER_WEBGL) : "";
  probe.getExtension("WEBGL_lose_context")?.loseContext();
  return !/swiftshader|llvmpipe|software/i.test(renderer);
}

let graphicsAreFast = null;
/** {terminal, addon}: whose turn it is; `addon` is null while it is fetched, and where it failed. */
let holder = null;

/** Draw `terminal` with WebGL where it helps, and no other one from now on. */
export async function takeGraphics(terminal) {
  if (holder?.terminal === terminal && holder.addon) return;
  if (holder) leaveGraphics(holder.terminal);
  const mine = { terminal, addon: null };
  holder = mine;
  graphicsAreFast ??= hasFastGraphics();
  if (!graphicsAreFast) return;
  try {
    const { WebglAddon } = await import("@xterm/addon-webgl");
    if (holder !== mine) return;
    const addon = new WebglAddon();
    // Until the pane is focused the next time, the DOM draws: what was taken away is rarely given back at once.
    addon.onContextLoss(() => release(mine));
    mine.addon = addon;
    terminal.loadAddon(addon);
  } catch (error) {
    release(mine);
    console.warn("WebGL is not available here, drawing with the DOM.", error);
  }
}

/** Draw `terminal` with the DOM again. Call it before the terminal is disposed, too. */
export function leaveGraphics(terminal) {
  if (holder?.terminal !== terminal) return;
  const mine = holder;
  holder = null;
  release(mine);
}

function release(mine) {
  const canvases = [...(mine.terminal.element?.querySelectorAll("canvas") ?? [])];
  mine.addon?.dispose();
  mine.addon = null;
  // Without this the context lives on until the garbage is collected.
  for (const canvas of canvases) canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
}
