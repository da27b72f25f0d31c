"""docs/protocol.md and the code say the same, and its example works as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from consoles import protocol
from consoles.statuses import Status
from demo.fleet import Fleet
from tests.support.server import ROOT, ServerProcess

DOCUMENT = (ROOT / "docs" / "protocol.md").read_text()


def test_document_names_every_client_message() -> None:
    for kind in protocol.CLIENT_TYPES:
        assert f'"type":"{kind}"' in DOCUMENT, f"docs/protocol.md does not describe {kind}"


def test_document_names_every_status_close_code_and_error_code() -> None:
    source = "".join((ROOT / "consoles" / name).read_text() for name in ("protocol.py", "viewer.py", "consumers.py"))
    codes = set(re.findall(r'ProtocolError\(\s*"(\w+)"', source)) | {"refused"}
    close_codes = {str(getattr(protocol, name)) for name in dir(protocol) if name.startswith("CLOSE_")}
    for word in [*Status, *codes, *close_codes]:
        assert f"`{word}`" in DOCUMENT or f"| {word} |" in DOCUMENT, f"docs/protocol.md does not name {word}"


def test_example_client_writes_what_the_hosts_printed(
    live_server_process: ServerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    names = live_server_process.add_fleet(fleet, 2)
    alice = live_server_process.alice()
    example = DOCUMENT.split("```python\n")[1].split("```")[0]
    (tmp_path / "client.py").write_text(example)
    command = [sys.executable, "client.py", live_server_process.url, alice["name"], alice["password"]]
    done = subprocess.run([*command, "seq 100000", *names], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    printed = "".join(f"{number}\n" for number in range(1, 100_001))
    for name in names:
        assert (tmp_path / f"{name}.log").read_text() == printed
