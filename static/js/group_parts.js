// Small pieces of the page that groups and diffs are drawn with. Text of hosts only ever becomes textContent.

/** A new element with a class and a text. */
export function make(tag, className = "", text = null) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== null) element.textContent = text;
  return element;
}

/** A button that looks like a link or, with another class, like a button. */
export function makeButton(text, action, className = "link-button") {
  const button = make("button", className, text);
  button.type = "button";
  button.addEventListener("click", action);
  return button;
}

const SVG = "http://www.w3.org/2000/svg";

/** The icon of a status from the page's sheet. */
export function statusIcon(icons, status) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${icons[status]}`);
  svg.append(use);
  return svg;
}

/** A badge: icon and words in the colour of the status. */
export function statusBadge(icons, status, text) {
  const badge = make("span", `status status-${status}`);
  badge.append(statusIcon(icons, status), make("span", "", text));
  return badge;
}

/** A sentence about what went wrong, with a button to try again. */
export function problemNotice(text, retry) {
  const notice = make("p", "notice notice-bad group-problem");
  notice.setAttribute("role", "alert");
  notice.append(make("span", "", text), makeButton("Try again", retry, "btn"));
  return notice;
}

/** Change a text only where it differs: nothing is drawn anew, and a selection stays. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
