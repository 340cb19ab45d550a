"""Reading a TOML file that somebody else has written: whatever is in it, the outcome is a table or one error."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

from framestream.errors import SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Some hundred bytes a camera: room for tens of thousands.
_MOST_BYTES = 1 << 24


def load_toml(path: Path, *, waits: bool = True) -> dict[str, Any]:
    """Return the content of a TOML file.

    Args:
        path: Path of the file.
        waits: Whether a pipe or a device may be read, which may never end. A file that is read while other things go on
            should not be one.

    Raises:
        SettingsError: The file cannot be read, is too large, or is not TOML.
    """
    try:
        if not waits and not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise SettingsError(f"{path} is no regular file, so it is read at the start only; put a file in its place")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}); check path and permissions") from error
    if len(content) > _MOST_BYTES:
        raise SettingsError(f"{path} is larger than {_MOST_BYTES >> 20} MiB; check that it is the right file")
    try:
        # Editors on Windows put a mark in front.
        return tomllib.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise SettingsError(f"{path} is not TOML that can be used (nested too deep); mend it there") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML ({error}); mend it there") from error
    except ValueError as error:
        # Python turns no decimal text of thousands of digits into a number.
        raise SettingsError(f"{path} is not TOML that can be used (a number has too many digits); mend it") from error
