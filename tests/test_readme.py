"""What README says is true: its code runs, and its map is the tree."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
MAP = re.search(r"^```\n(sklearn_softmax/\n.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def drawn(text):
    """The paths that a map shows: one name a line, a folder ends in a slash, two marks a level."""
    folders, paths = [], set()
    for line in text.splitlines():
        marks, name = re.match(r"^((?:│   |    |├── |└── )*)([\w.]+/?)", line).groups()
        del folders[len(marks) // 4 :]
        if name.endswith("/"):
            folders.append(name)
        else:
            paths.add("".join([*folders, name]))
    return paths


@pytest.mark.parametrize("code", CODE, ids=lambda code: code.splitlines()[0])
def test_code_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})


def test_there_are_two_commands_and_their_files_exist():
    commands = re.findall(r"^python3 -m venv .*$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    for script in re.findall(r"\S+\.py\b", " ".join(commands)):
        assert (ROOT / script).is_file()


def test_named_files_exist():
    names = set(re.findall(r"`(\w+/[\w/]+\.py)`", README))
    assert [name for name in names if not (ROOT / name).is_file()] == []


def test_map_is_the_tree():
    tree = {path.relative_to(ROOT).as_posix() for path in (ROOT / "sklearn_softmax").rglob("*.py")}
    inner = {path for path in tree if path.endswith("/__init__.py") and path.count("/") > 1}
    assert drawn(MAP.group(1)) == tree - inner
