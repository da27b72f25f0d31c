"""Who may import whom. Imports for types alone do not count; imports inside functions do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Rule:
    """``who`` (module patterns) may not import any of ``what`` (module prefixes, or ``module.name``)."""

    reason: str
    who: tuple[str, ...]
    what: tuple[str, ...]
    except_for: tuple[str, ...] = ()


_READERS = ("consoles.views.*", "consoles.views", "consoles.consumers", "consoles.viewer", "consoles.admin*")
_PURE = tuple(
    f"consoles.{name}"
    for name in (
        "differing", "folding", "grouping", "node_sets", "note_text", "outcome", "protocol", "ranges", "recent_output",
        "searching", "statuses", "terminal_text",
    )
)  # fmt: skip
_ENGINE = (
    "consoles.runner",
    "consoles.execution",
    "consoles.host_task",
    "consoles.program_watch",
    "consoles.lease",
    "consoles.ssh",
)

RULES = [
    Rule("the apps do not know the project", ("servers*", "consoles*"), ("opsconsole",)),
    Rule("consoles builds on servers, never the other way round", ("servers*",), ("consoles",)),
    Rule(
        "the project reaches into the apps from urls and asgi only",
        ("opsconsole*",),
        ("servers", "consoles"),
        except_for=("opsconsole.urls", "opsconsole.asgi"),
    ),
    Rule(
        "pages, sockets and commands ask actions for a run and read the log",
        (*_READERS, "consoles.management.*", "consoles.access", "consoles.actions", "consoles.outputlog*"),
        _ENGINE,
    ),
    Rule(
        "only actions hands work to the dispatcher; asgi and commands start and stop it, sockets ask it for trouble",
        ("*",),
        ("consoles.dispatcher",),
        except_for=("consoles.actions", "consoles.consumers", "consoles.management.*", "opsconsole.asgi"),
    ),
    Rule("only the dispatcher makes a runner", ("*",), ("consoles.runner",), except_for=("consoles.dispatcher",)),
    Rule(
        "what parses, matches and compares is plain Python",
        ("consoles.ssh*", *_PURE),
        ("django", "channels", "servers", "opsconsole", "consoles"),
    ),
    Rule("only ssh imports paramiko", ("*",), ("paramiko",), except_for=("consoles.ssh*",)),
    Rule(
        "only outputlog touches the rows of output",
        ("*",),
        ("consoles.models.OutputChunk",),
        except_for=("consoles.outputlog*",),
    ),
    Rule("only doorbell asks for a channel layer", ("*",), ("channels.layers",), except_for=("consoles.doorbell",)),
]

#: Modules of plain Python may use one another.
_PLAIN = ("consoles.ssh", *_PURE)


@dataclass(frozen=True)
class Import:
    """One imported module, or name of a module, and where."""

    file: Path
    line: int
    module: str
    target: str


@cache
def modules() -> dict[str, Path]:
    """Every module of the project and its apps by dotted name, without migrations."""
    files = [file for app in ("opsconsole", "servers", "consoles") for file in (ROOT / app).rglob("*.py")]
    return {name_of(file): file for file in sorted(files) if "migrations" not in file.parts}


def name_of(file: Path) -> str:
    """The dotted name of the module in ``file``."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imports_of(module: str, file: Path) -> list[Import]:
    """Everything ``module`` imports when it runs."""
    return list(_imports_of(module, file))


def _imports_of(module: str, file: Path) -> Iterator[Import]:
    tree = ast.parse(file.read_text())
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in running(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(file, node.lineno, module, name.name)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            for name in node.names:
                yield Import(file, node.lineno, module, f"{source}.{name.name}")


def running(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below ``node`` except what stands under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            children: list[ast.AST] = list(child.orelse)
        else:
            yield child
            children = [child]
        for inner in children:
            yield from running(inner)


def breaks(rule: Rule, found: Import) -> bool:
    """Whether an import is one that ``rule`` forbids."""
    if not matches(found.module, rule.who) or matches(found.module, rule.except_for):
        return False
    if matches(found.module, tuple(f"{plain}*" for plain in _PLAIN)) and under(found.target, _PLAIN):
        return False
    return under(found.target, rule.what)


def matches(module: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(module, pattern) for pattern in patterns)


def under(target: str, prefixes: tuple[str, ...]) -> bool:
    return any(target == prefix or target.startswith(f"{prefix}.") for prefix in prefixes)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.reason)
def test_imports_follow_the_rule(rule: Rule) -> None:
    broken = [
        f"{found.file.relative_to(ROOT)}:{found.line} imports {found.target}"
        for module, file in modules().items()
        for found in imports_of(module, file)
        if breaks(rule, found)
    ]
    assert not broken, "\n".join([f"{rule.reason[0].upper()}{rule.reason[1:]}:", *broken])


def test_only_access_decides_permissions_of_runs() -> None:
    asking = {"has_perm", "has_perms", "get_all_permissions", "get_user_permissions"}
    broken = [
        f"{file.relative_to(ROOT)}:{node.lineno} asks {node.attr}"
        for module, file in modules().items()
        # The admin asks Django about the rows it shows, as admins do.
        if module.startswith("consoles.") and not matches(module, ("consoles.access", "consoles.admin*"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in asking
    ]
    assert not broken, "\n".join(["Ask consoles.access instead:", *broken])


def test_only_settings_read_the_environment() -> None:
    allowed = {"opsconsole.env", "opsconsole.asgi"}
    broken = [
        f"{file.relative_to(ROOT)}:{node.lineno} reads the environment"
        for module, file in modules().items()
        if module not in allowed
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    ]
    assert not broken, "\n".join(["Add a setting to opsconsole/settings.py and read that:", *broken])


def test_the_rule_sees_what_it_forbids(tmp_path: Path) -> None:
    file = tmp_path / "consumers.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "from consoles import runner\n"
        "if TYPE_CHECKING:\n    from consoles.ssh import events\n"
        "def late():\n    from .ssh.target import Target\n"
    )
    found = list(imports_of("consoles.consumers", file))
    assert [one.target for one in found if any(breaks(rule, one) for rule in RULES)] == [
        "consoles.runner",
        "consoles.ssh.target.Target",
    ]
