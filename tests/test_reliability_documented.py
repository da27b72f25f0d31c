"""docs/reliability.md names tests that prove its promises: they must be there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults import checker
from tests.faults.plan import Kind

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "reliability.md").read_text()


def test_every_named_test_and_rule_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT))
    sources = "".join(file.read_text() for file in (ROOT / "tests").glob("test_*.py"))
    assert named
    assert {name for name in named if f"def {name}(" not in sources} == set()


def test_every_rule_of_the_checker_stands_beside_a_promise() -> None:
    assert {rule.__name__ for rule in checker.RULES if f"`{rule.__name__}" not in DOCUMENT} == set()


def test_every_kind_of_fault_is_described() -> None:
    assert [kind for kind in Kind if kind.value not in DOCUMENT] == []
