import "./page_modules.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { causeOf, stallOf, stallText } = await import("console/stall");

const NOW = Date.parse("2026-05-01T12:10:00Z");
const host = (more) => ({
  status: "running", canceling: false, started: "2026-05-01T12:00:00Z", printed: "2026-05-01T12:07:50Z", last_line: "",
  ...more,
});

test("marks a running host that has been quiet for half a minute, by the server's clock", () => {
  assert.equal(stallOf(host(), NOW).quiet, 130_000);
  assert.equal(stallOf(host({ printed: "2026-05-01T12:09:31Z" }), NOW), null);
  assert.equal(stallOf(host({ printed: "2026-05-01T12:09:30Z" }), NOW).quiet, 30_000);
});

test("counts from the start where nothing was printed yet", () => {
  assert.equal(stallOf(host({ printed: null }), NOW).quiet, 600_000);
  assert.equal(stallOf(host({ printed: null, started: null }), NOW), null);
});

test("marks nobody who is not running, or who is being canceled", () => {
  for (const status of ["queued", "starting", "failed", "succeeded"]) assert.equal(stallOf(host({ status }), NOW), null);
  assert.equal(stallOf(host({ canceling: true }), NOW), null);
});

const CAUSES = {
  "asks a question": [
    "Do you want to continue? [Y/n]", "Proceed (y/N)?", "Is this ok [y/d/N]: ", "Press any key to go on . . .",
    "Are you sure you want to continue connecting (yes/no/[fingerprint])?", "Overwrite /etc/hosts?", "Continue?",
    "Press [ENTER] to continue or Ctrl-c to cancel.", "What should be done about it?",
  ],
  "asks for a password": [
    "[sudo] password for deploy: ", "Password:", "root@db1's password: ", "Enter passphrase for key '/root/.ssh/id': ",
  ],
  "another package manager holds the lock": [
    "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 912 (apt-get)",
    "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend.",
    "Another app is currently holding the yum lock; waiting for it to exit...",
    "Waiting for process with pid 1234 to finish.",
    "System management is locked by the application with pid 77 (zypper).",
    "error: could not lock database: File exists (/var/lib/pacman/db.lck)",
  ],
  "a package asks in a dialog": ["Package configuration", "Daemons using outdated libraries", "Configuring openssh-server"],
  "a pager waits for a key": ["--More--(43%)", "lines 1-23/23 (END)"],
  "tries again and again": ["Retrying in 30 seconds", "attempt 3 of 10 failed, trying again"],
  "the network does not answer": ["Connection timed out", "Temporary failure resolving 'deb.debian.org'"],
};

test("tells the likely cause from the last line", () => {
  for (const [cause, lines] of Object.entries(CAUSES)) {
    for (const line of lines) assert.equal(causeOf(line).cause, cause, line);
  }
});

test("tells no cause where the last line says none", () => {
  for (const line of ["", null, "Unpacking openssl (3.0.17-1) ...", "72 %", "Setting up locales (2.36)", "done."]) {
    assert.equal(causeOf(line).cause, "", String(line));
  }
});

test("answers at once whatever was printed", () => {
  const started = performance.now();
  for (const piece of ["password ", "y/", "[y/", "continue ", "(((", "configuring "]) causeOf(piece.repeat(5_000));
  assert.ok(performance.now() - started < 500);
});

test("tells the whole story in words", () => {
  assert.equal(stallText(host(), NOW), "no output for 2:10.");
  assert.equal(
    stallText(host({ last_line: "Continue? [Y/n]" }), NOW),
    "no output for 2:10: asks a question. Cancel it, then run again with an option that answers, such as -y.",
  );
  assert.equal(stallText(host({ status: "failed" }), NOW), "");
});
