"""docs/settings.md and the settings list the same environment variables with the same defaults."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
READERS = {"text", "flag", "integer", "number", "words", "path"}


def variables_read() -> set[str]:
    """The names of the variables that opsconsole/settings.py reads through opsconsole.env."""
    tree = ast.parse((ROOT / "opsconsole" / "settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    reads = [call for call in calls if ast.unparse(call.func).startswith("env.") and call.func.attr in READERS]  # type: ignore[attr-defined]
    return {ast.literal_eval(call.args[0]) for call in reads}


def variables_documented() -> set[str]:
    """The names in the first column of the tables of docs/settings.md."""
    return set(re.findall(r"^\| `([A-Z_]+)` ", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))


def test_every_setting_is_documented() -> None:
    missing = variables_read() - variables_documented()
    assert not missing, f"Describe in docs/settings.md: {', '.join(sorted(missing))}"


def test_every_documented_setting_is_read() -> None:
    gone = variables_documented() - variables_read()
    assert not gone, f"opsconsole/settings.py reads nothing of this name: {', '.join(sorted(gone))}"
