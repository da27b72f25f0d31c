// The notices over the page: about the connection, the console's storage, what went wrong, and what is good to know.

const GOES_ON = "The run does not need this page; it catches up when the console answers.";
const PROBLEMS = {
  offline: `This computer has no network. ${GOES_ON}`,
  login: "Your login has ended. The run does not need this page.",
  forbidden: "You may no longer see this run. Ask an administrator for the permission.",
  missing: "This run does not exist, or you may not see it.",
  refused: "The server closed the connection after messages it did not understand. Reload the page.",
};

export class RunNotices {
  #login;
  #connection = document.getElementById("connection-notice");

  /** `login` is the address of the login page. */
  constructor(login) {
    this.#login = login;
    for (const about of ["error", "hint"]) {
      document.querySelector(`#${about}-notice .notice-close`).addEventListener("click", () => this.tell(about, ""));
    }
  }

  /** Say `text` about "storage", "connection", an "error" or as a "hint"; nothing takes the notice away. */
  tell(about, text) {
    const element = document.getElementById(`${about}-notice`);
    element.hidden = !text;
    if (text) element.querySelector("span").textContent = text;
  }

  connectionChanged(state) {
    const isLost = (state.phase === "waiting" && state.attempt > 1) || (state.phase === "silent" && state.isOnline);
    const phase = state.phase === "silent" && !state.isOnline ? "offline" : state.phase;
    const text = isLost ? `The console does not answer. ${GOES_ON}` : PROBLEMS[phase];
    if (state.phase === "connecting" && !this.#connection.hidden) return;
    this.tell("connection", text);
    const link = this.#connection.querySelector("a");
    link.hidden = state.phase !== "login";
    link.textContent = "Log in again";
    link.href = `${this.#login}?next=${encodeURIComponent(location.pathname + location.hash)}`;
  }
}
