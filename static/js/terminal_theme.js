// The colours of output, in terminals and in logs: the dark ground and the sixteen that programs ask for.

export const THEME = {
  background: "#0b0e14", foreground: "#d5dbe5", cursor: "#0b0e14", cursorAccent: "#0b0e14",
  selectionBackground: "#2f5488", selectionInactiveBackground: "#26436c",
  black: "#1c232e", red: "#f0716d", green: "#6fce8e", yellow: "#e6c265", blue: "#6ca8f7", magenta: "#c89bf2",
  cyan: "#5fc9d6", white: "#c9d1dc",
  brightBlack: "#7d8896", brightRed: "#ff9591", brightGreen: "#95e3ad", brightYellow: "#f5d88c",
  brightBlue: "#94c2ff", brightMagenta: "#dcbcff", brightCyan: "#8be2ec", brightWhite: "#f3f6fa",
};
