import ast
import importlib
import inspect
from pathlib import Path

import pytest

import framestream


def test_all_is_sorted_and_every_name_is_there() -> None:
    assert framestream.__all__ == sorted(framestream.__all__)
    assert [name for name in framestream.__all__ if not hasattr(framestream, name)] == []
    assert set(framestream.__all__) <= set(dir(framestream))
    with pytest.raises(AttributeError, match="no attribute 'Classifer'"):
        _ = framestream.Classifer


def test_type_checkers_see_what_is_imported_when_asked_for() -> None:
    tree = ast.parse(Path(framestream.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert {*seen, "__version__"} == set(framestream.__all__)
    for name in seen:
        item = getattr(framestream, name)
        # A name of ours is imported from where it is defined, or from the package that shows it.
        assert getattr(importlib.import_module(seen[name]), name) is item, name


def test_every_public_class_and_method_says_what_it_does() -> None:
    silent = []
    for name in framestream.__all__:
        item = getattr(framestream, name)
        if inspect.isclass(item):
            silent += [name] if not item.__doc__ else []
            silent += [
                f"{name}.{key}"
                for key, member in vars(item).items()
                if not key.startswith("_") and inspect.isroutine(member) and not member.__doc__
            ]
    assert silent == []


def test_types_are_published() -> None:
    assert Path(framestream.__file__).with_name("py.typed").is_file()
