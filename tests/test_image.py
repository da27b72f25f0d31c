"""What .dockerignore lets into the image is all that the console needs to serve there and to find itself healthy."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from opsconsole import databases
from tests.support.commands import Command
from tests.support.serving import ROOT, Serving
from tests.test_settings_documented import variables_documented

ICONS = "node_modules/@tabler/icons/icons"
HOST = "ops.example.net"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Path:
    """The image's /app and /data, made as the Dockerfile does."""
    root = tmp_path_factory.mktemp("image")
    for entry in allowed():
        (root / "app" / entry).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / entry).is_dir() else shutil.copy
        copy(ROOT / entry, root / "app" / entry)
    (root / "app" / ICONS).parent.mkdir(parents=True)
    (root / "app" / ICONS).symlink_to(ROOT / ICONS)
    collect(root / "app" / "staticfiles", root / "made")
    (root / "data").mkdir()
    shutil.copy(migrated_database, root / "data" / "console.sqlite3")
    return root


def allowed() -> list[str]:
    """What .dockerignore lets through. It refuses everything first."""
    lines = (ROOT / ".dockerignore").read_text().split("\n")
    assert "*" in lines
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def collect(target: Path, data: Path) -> None:
    """Gather the static files, where all of npm's packages are."""
    environment = {"DJANGO_SETTINGS_MODULE": "opsconsole.settings", "OPSCONSOLE_DATA": str(data)}
    whole = {**os.environ, **environment, "OPSCONSOLE_STATIC": str(target)}
    with contextlib.closing(Command(whole, "collectstatic", "--noinput", "--verbosity", "0")) as command:
        assert command.wait(60) == 0, command.stderr.read()


@pytest.fixture(scope="module")
def settings_in_image(image: Path) -> dict[str, str]:
    (image / "hosts").write_text(f"{HOST}\nlocalhost\n")
    return {
        "OPSCONSOLE_STATIC": str(image / "app" / "staticfiles"),
        "OPSCONSOLE_HOSTS_FILE": str(image / "hosts"),
        "DEMO": "0",
    }


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": HOST})
    response = connection.getresponse()
    return response.status, response.read().decode(errors="replace")


def test_serves_with_what_is_in_the_image_and_its_health_check_says_so(
    image: Path, settings_in_image: dict[str, str]
) -> None:
    with Serving(image / "data", root=image / "app", **settings_in_image) as serving:
        serving.banner()
        status, page = get(serving.port, "/login/")
        files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
        assert status == 200 and any("vendor/tabler" in file for file in files)
        assert {file: get(serving.port, file)[0] for file in files} == dict.fromkeys(files, 200)
        assert health(image, serving.port, settings_in_image).returncode == 0


def test_health_check_fails_with_a_sentence_where_nothing_answers(
    image: Path, settings_in_image: dict[str, str]
) -> None:
    done = health(image, 1, settings_in_image)
    assert done.returncode == 1
    assert done.stderr.startswith("The console does not answer: ") and done.stderr.count("\n") == 1


def test_compose_gives_the_console_settings_that_exist() -> None:
    given = set(re.findall(r"^      ([A-Z_]+): ", service("console"), re.MULTILINE))
    assert given - variables_documented() == {"PGPASSWORD"}


def test_compose_leads_the_console_to_its_own_postgresql_with_the_password_apart() -> None:
    url = re.search(r"POSTGRES_PASSWORD:\+([^}]+)\}", service("console"))
    assert url is not None
    made = databases.postgresql(url[1], 20)
    database = service("postgres")
    assert made["HOST"] == "postgres"
    assert f"POSTGRES_USER: {made['USER']}\n" in database
    assert f"POSTGRES_DB: {made['NAME']}\n" in database
    assert made["PASSWORD"] == "", "libpq would not look at PGPASSWORD"


def service(name: str) -> str:
    """One service's part of compose.yaml."""
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", (ROOT / "compose.yaml").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def health(image: Path, port: int, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/healthcheck.py"]
    environment = {**settings, "PORT": str(port)}
    return subprocess.run(command, cwd=image / "app", env=environment, capture_output=True, text=True)
