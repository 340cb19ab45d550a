import inspect
from pathlib import Path

import framestream


def test_all_is_sorted_and_complete() -> None:
    assert framestream.__all__ == sorted(framestream.__all__)
    public = {
        name for name, item in vars(framestream).items() if not name.startswith("_") and not inspect.ismodule(item)
    }
    public -= {"PackageNotFoundError", "version"}
    assert public | {"__version__"} == set(framestream.__all__)


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
