// A read-only xterm.js for output that nobody vouches for. Whatever a host prints, the page keeps its title, its
// clipboard and its colours, the reader keeps the earlier lines, and nothing is ever sent back.

import { Terminal } from "@xterm/xterm";
import { FitAddon } from "@xterm/addon-fit";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { leaveGraphics } from "console/terminal_graphics";
import { forgetOldLinks, limitSequences, pieces, withFewMarks } from "console/terminal_limits";
import { THEME } from "console/terminal_theme";

/** A terminal that takes bytes, shows what is not UTF-8 as U+FFFD, and leaves the page time to answer. */
export class OutputTerminal extends Terminal {
  #decoder = new TextDecoder();
  /** Markers that the page asked for; the others belong to links in the output. */
  #ownMarkers = new WeakSet();

  constructor(options) {
    super(options);
    limitSequences(this);
    new Unicode11Addon().activate({ unicode: { register: (provider) => this.#useWidths(withFewMarks(provider)) } });
  }

  #useWidths(provider) {
    this.unicode.register(provider);
    this.unicode.activeVersion = provider.version;
  }

  /** As xterm.js has it; such a marker stays however many links the output has. */
  registerMarker(offset) {
    const marker = super.registerMarker(offset);
    if (marker) this.#ownMarkers.add(marker);
    return marker;
  }

  /** Draw the bytes in `data`, then call `drawn`. A character may begin in one call and end in the next. */
  write(data, drawn) {
    let left = data.length;
    for (const piece of pieces(data)) {
      left -= piece.length;
      const isLast = left === 0;
      super.write(this.#decoder.decode(piece, { stream: true }), () => {
        forgetOldLinks(this.markers.filter((marker) => !this.#ownMarkers.has(marker)));
        if (isLast) drawn?.();
      });
    }
  }
}

/**
 * A terminal in `parent`: {terminal, dispose}. `openLink(address)` decides about links; only http(s) gets there.
 */
export function openTerminal(parent, { scrollback, openLink, screenReader = false, fontSize = 13 }) {
  const element = document.createElement("div");
  element.className = "terminal-box";
  element.style.fontSize = `${fontSize}px`;
  parent.replaceChildren(element);
  const terminal = new OutputTerminal({
    allowProposedApi: true, // for unicode11 and what search marks
    convertEol: true,
    cursorBlink: false,
    cursorInactiveStyle: "none",
    disableStdin: true,
    fontFamily: getComputedStyle(element).fontFamily,
    fontSize,
    lineHeight: 1.3,
    linkHandler: { activate: (event, address) => openLink(address), allowNonHttpProtocols: false },
    minimumContrastRatio: 4.5,
    screenReaderMode: screenReader,
    scrollback,
    scrollOnEraseInDisplay: true,
    smoothScrollDuration: 0,
    theme: THEME,
  });
  const fitter = new FitAddon();
  terminal.loadAddon(fitter);
  // The page has the keys: Tab leaves, shortcuts work, and Ctrl+C copies as it does everywhere else.
  terminal.attachCustomKeyEventHandler(() => false);
  terminal.open(element);
  const fit = () => element.clientWidth > 0 && fitter.fit();
  fit();
  const watcher = new ResizeObserver(() => requestAnimationFrame(fit));
  watcher.observe(element);
  const dispose = () => {
    leaveGraphics(terminal);
    watcher.disconnect();
    terminal.dispose();
  };
  return { terminal, dispose };
}
