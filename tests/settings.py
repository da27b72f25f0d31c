"""The settings under test: the real ones, on a data directory of their own that is gone afterwards."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# What the person who runs the tests has set for a real console must not reach them.
_OTHERS = ("PORT", "DEMO", "REDIS_URL", "DATABASE_URL", "DATABASE_URL_FILE")
for _name in [name for name in os.environ if name.startswith("OPSCONSOLE_") or name in _OTHERS]:
    del os.environ[_name]

_DIRECTORY = Path(tempfile.mkdtemp(prefix="opsconsole-test-"))
atexit.register(shutil.rmtree, _DIRECTORY, ignore_errors=True)
os.environ["OPSCONSOLE_DATA"] = str(_DIRECTORY)

from opsconsole.settings import *  # noqa: E402, F403
from opsconsole.settings import DATABASES, STATIC_ROOT  # noqa: E402

# A file, because threads do not share a database in memory.
DATABASES["default"]["TEST"] = {"NAME": str(_DIRECTORY / "test.sqlite3")}
# The real one takes a quarter of a second per login, on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# WhiteNoise warns where it is missing.
STATIC_ROOT.mkdir()
