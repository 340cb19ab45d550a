"""Findings: the results of the doctor's checks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

from framestream.errors import SettingsError

State = Literal["ok", "note", "warning", "broken"]
"""`note`: missing, and only some need it. `warning`: something is hurt. `broken`: the core cannot work."""

Area = Literal["versions", "packages", "providers", "codecs", "cameras", "model"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        area: The part of the machine that was checked.
        name: Name of what was checked.
        state: Result of the check, see `State`.
        detail: What was found, in one line.
        remedy: What to do about the problem, in one line; empty only where `state` is `ok`.
    """

    area: Area
    name: str
    state: State
    detail: str
    remedy: str = ""

    def __post_init__(self) -> None:
        """Raise SettingsError for a state that does not exist, and for trouble without a remedy."""
        if self.state not in get_args(State):
            raise SettingsError(f"{self.name}: state is {self.state!r}, give one of {', '.join(get_args(State))}")
        if self.state != "ok" and not self.remedy:
            raise SettingsError(f"{self.name}: a finding that is a {self.state} needs a remedy")

    def to_dict(self) -> dict[str, str]:
        """Return the finding as a JSON object."""
        return asdict(self)
