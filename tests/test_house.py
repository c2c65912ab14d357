"""The shape of the package: who may import whom, and what the front door shows."""

import ast
import importlib
import pkgutil
import sys
from pathlib import Path

import pytest

import sklearn_softmax

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sklearn_softmax"
ROOMS = ("_core", "_maps", "_penalties", "_solvers")
TOOL = "sklearn_softmax._kept"  # of the language, not of the subject: it knows nobody
CORE_MAY_IMPORT = {"numpy", "threadpoolctl"}
CORE_MAY_IMPORT_LATE = {"array_api_compat"}
ESTIMATORS = sorted(
    path.relative_to(PACKAGE).as_posix()
    for folder in (
        ".",
        "_inputs",
        "_fitting",
        "_calibration",
        "_inference",
        "_selection",
        "_streams",
    )
    for path in (PACKAGE / folder).glob("[!_]*.py" if folder != "." else "_[!_]*.py")
)
SOURCES = sorted(
    path
    for folder in ("sklearn_softmax", "tests", "examples", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)


def _name(path):
    return path.relative_to(ROOT).as_posix()


def _parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree, module):
    """Absolute names of all that a module imports, and whether that happens at its import.

    ``from a import b`` is both ``a`` and ``a.b``. `module` is the dotted name of the module, with
    ``.__init__`` for a package; relative imports are resolved against it.
    """
    late = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            yield name, id(node) not in late


def _imports_of(path):
    return imports(_parse(path), ".".join(path.relative_to(ROOT).with_suffix("").parts))


def is_private_sklearn(name):
    """Whether a dotted name is, or lies in, a private part of scikit-learn."""
    first, *rest = name.split(".")
    return first == "sklearn" and any(
        part.startswith("_") and not part.endswith("__") for part in rest
    )


def test_imports_are_resolved():
    text = (
        "import numpy as np\n"
        "from . import a\n"
        "from ..b import c\n"
        "def f():\n"
        "    import sklearn.linear_model._logistic\n"
    )
    found = list(imports(ast.parse(text), "pkg._core.module"))
    assert found == [
        ("numpy", True),
        ("pkg._core", True),
        ("pkg._core.a", True),
        ("pkg.b", True),
        ("pkg.b.c", True),
        ("sklearn.linear_model._logistic", False),
    ]


@pytest.mark.parametrize(
    ("name", "private"),
    [
        ("sklearn.linear_model._logistic", True),
        ("sklearn._loss", True),
        ("sklearn.utils._array_api.get_namespace", True),
        ("sklearn.utils.validation._check_sample_weight", True),
        ("sklearn.__version__", False),
        ("sklearn.utils.validation.validate_data", False),
        ("sklearn_softmax._core", False),
    ],
)
def test_private_names_are_recognised(name, private):
    assert is_private_sklearn(name) is private


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_private_name_of_sklearn_is_imported(path):
    assert [name for name, _ in _imports_of(path) if is_private_sklearn(name)] == []


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_private_attribute_of_sklearn_is_reached(path):
    """``import sklearn.utils as u; u._x`` is a private import as well."""
    tree = _parse(path)
    modules = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.split(".")[0] == "sklearn"
    }
    reached = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node).split(".")[0] in modules
    ]
    private = [name for name in reached if is_private_sklearn("sklearn." + name.split(".", 1)[1])]
    assert private == []


def _room_modules():
    return [
        pytest.param(room, path, id=_name(path))
        for room in ROOMS
        for path in sorted((PACKAGE / room).rglob("*.py"))
    ]


@pytest.mark.parametrize(("room", "path"), _room_modules())
def test_rooms_know_neither_each_other_nor_sklearn(room, path):
    known = f"sklearn_softmax.{room}.", f"{TOOL}."
    foreign = [
        name
        for name, _ in _imports_of(path)
        if name.split(".")[0] == "sklearn"
        or (name.split(".")[0] == "sklearn_softmax" and not f"{name}.".startswith(known))
    ]
    assert foreign == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "_core").rglob("*.py")), ids=_name)
def test_core_is_numpy_only(path):
    foreign = []
    for name, at_import in _imports_of(path):
        library = name.split(".")[0]
        allowed = CORE_MAY_IMPORT | {"sklearn_softmax"} | sys.stdlib_module_names
        if library not in (allowed if at_import else allowed | CORE_MAY_IMPORT_LATE):
            foreign.append(name)
    assert foreign == []


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_do_no_mathematics(name):
    functions = {"exp", "log", "expm1", "log1p", "exp2", "log2", "log10", "logaddexp", "logsumexp"}
    calls = [
        f"{name}:{node.lineno} {ast.unparse(node.func)}"
        for node in ast.walk(_parse(PACKAGE / name))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr in functions)
            or (isinstance(node.func, ast.Name) and node.func.id in functions)
        )
    ]
    assert calls == []


def test_every_module_can_be_imported():
    for module in pkgutil.walk_packages(sklearn_softmax.__path__, "sklearn_softmax."):
        importlib.import_module(module.name)


def test_front_door_shows_what_it_exports():
    imported = {
        alias.asname or alias.name
        for node in _parse(PACKAGE / "__init__.py").body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted({*sklearn_softmax.__all__} - {"__version__"}) == sorted(imported)


def _public_names():
    for name in getattr(sklearn_softmax, "__all__", ()):
        if name.startswith("_"):
            continue
        value = getattr(sklearn_softmax, name)
        yield name, value
        if isinstance(value, type):
            for attribute, member in vars(value).items():
                if not attribute.startswith("_") and (
                    callable(member) or isinstance(member, property)
                ):
                    yield f"{name}.{attribute}", member


@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in _public_names()])
def test_public_names_have_a_docstring(value):
    assert (value.__doc__ or "").strip()
