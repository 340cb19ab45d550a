"""What a model says about itself: the metadata of the streaming contract, to and from flat strings.

The keys live in the ONNX file's `metadata_props` under `framestream.`, one for each field of `ModelSpec` and in
that order. Values are plain text, so that a program in any language can read them: integers and floats in decimal,
lists of names one a line. The same facts as JSON make the sidecar for runtimes that cannot read ONNX metadata.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from framestream.errors import MetadataError, SettingsError
from framestream.escapes import CONTROLS, abbreviate
from framestream.model.metadata import Limit, find_problem, limited, prefixed, read_fields, read_value, write_fields
from framestream.quantities import read_number

KEY_PREFIX = "framestream."
SPEC_VERSION = 1
COLOR = "rgb"
RESIZE = "stretch-area"

KEYPOINTS = "keypoints"
"""Name of the output that gives joints; in `ModelSpec.outputs` of a model that has it."""

JOINTS = 17
"""How many joints that output gives."""

FRAMES = "frames"
"""Name of the input for new frames; no state may be called so."""

# Beyond these a number is a mistake, and taking it at its word would fill the memory or hang.
MAX_FRAME_RATE = 1000.0
MAX_WINDOW = 10_000
MAX_AHEAD = 10_000
MAX_SIDE = 8192
MAX_SMOOTHING_SECONDS = 60.0

Kind = Literal["window", "stateful"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """How probabilities become events.

    Attributes:
        enter: Smoothed probability at which a label opens an event, 0 < enter <= 1.
        leave: Smoothed probability below which the event ends, 0 < leave <= enter.
        smoothing_seconds: Length of the moving average over predictions, up to 60; 0 turns it off.
        min_seconds: Events shorter than this are never reported.
    """

    enter: float = 0.6
    leave: float = 0.4
    smoothing_seconds: float = 0.3
    min_seconds: float = 0.5

    def __post_init__(self) -> None:
        """Raise SettingsError for a value out of range."""
        for name in ("enter", "leave", "smoothing_seconds", "min_seconds"):
            wanted = "a number of seconds, 0 or more" if name.endswith("seconds") else "a probability"
            read_number(getattr(self, name), name=name, wanted=wanted)
        if not 0.0 < self.enter <= 1.0:
            raise SettingsError(f"enter is {self.enter}: give a probability above 0 and up to 1")
        if not 0.0 < self.leave <= self.enter:
            raise SettingsError(
                f"leave is {self.leave} with enter {self.enter}: leave must be above 0 and not above enter; give both"
            )
        for name, seconds in (("smoothing_seconds", self.smoothing_seconds), ("min_seconds", self.min_seconds)):
            if not seconds >= 0.0:
                raise SettingsError(f"{name} is {seconds}: give a number of seconds, 0 or more")
        if self.smoothing_seconds > MAX_SMOOTHING_SECONDS:
            raise SettingsError(
                f"smoothing_seconds is {self.smoothing_seconds}: give {MAX_SMOOTHING_SECONDS:g} or less"
            )


def adapt_events(settings: EventSettings, given: Mapping[str, float | None]) -> EventSettings:
    """Put what was given in the place of other settings; an `enter` given alone lowers `leave` if need be.

    Raises:
        SettingsError: The result makes no sense.
    """
    values = {name: value for name, value in given.items() if value is not None}
    if "enter" in values and "leave" not in values:
        values["leave"] = min(settings.leave, values["enter"])
    return replace(settings, **values)


def _within(holds: Callable[[Any], bool], reason: str) -> dict[str, tuple[Limit, ...]]:
    """Return the metadata of a field with one limit."""
    return limited(Limit(holds, reason))


def _between(low: int, high: int) -> dict[str, tuple[Limit, ...]]:
    """Return the metadata of a field whose values lie from `low` to `high`, both included."""
    return _within(lambda value: low <= value <= high, f"{{}} is not in {low} to {high}")


def _only(allowed: int | str, shown: str) -> dict[str, tuple[Limit, ...]]:
    """Return the metadata of a field with one value in this version; `shown` is the format of any other."""
    return _within(lambda value: value == allowed, f"{shown} is not {allowed}")


def _are_plain(names: tuple[str, ...]) -> bool:
    # As for the labels of clips: they are shown in terminals, and kept one a line.
    return all(name.strip() and not CONTROLS.search(name) for name in names)


_NO_NAME_TWICE = Limit(lambda names: len(set(names)) == len(names), "a name occurs twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Everything a consumer must know about a model, as stamped into its file.

    Attributes:
        spec_version: Version of this list of keys.
        kind: `window` (many-to-one, one prediction per window) or `stateful` (many-to-many, one prediction per
            frame).
        labels: Class names in the order of the probabilities.
        background: The label that is never an event, or None.
        frame_rate: Frames per second the model was trained at.
        window: Frames one prediction looks at (1 for a stateful model).
        stride: Frames between two predictions; always 1 in version 1.
        anchor_frames: How many frames before the newest one the moment is that a prediction is about: `window // 2`, or
            0 if stateful. Negative in a model that predicts what will be: so many frames after the newest one.
        height: Rows of the input image, pixels.
        width: Columns of the input image, pixels.
        color: Channel order of the input; `rgb`.
        resize: How a frame is brought to the input size; see `framestream.sampling.resize`.
        state_names: Recurrent inputs; each has an output `next_<name>`.
        events: Default event settings.
        producer: Programs and versions that made the file.
        training_fingerprint: Hash of the training data.
        accuracy: Measured on the test split, 0 to 1, or None.
        parity: Largest difference to the Keras model measured at export, or None.
        created: UTC time at which training finished, ISO 8601, or None.
        head: What looks at features over time: `lstm`, `bidirectional` or `mean`; None if the file does not say.
        temperature: What the logits were divided by after training, so that scores are probabilities; None if they were
            not. The weights in the file have it inside: nothing is left to do.
        outputs: What the graph gives for each new frame beside probabilities, computed only if it is asked for:
            `keypoints`, float32 `[cameras, steps, 17, 3]`, x and y of each joint, 0..1 of the picture, and a score.
            None if there is nothing.
    """

    spec_version: int = field(default=SPEC_VERSION, metadata=_only(SPEC_VERSION, "{}"))
    kind: Kind = field(metadata=_within(lambda kind: kind in get_args(Kind), "{!r} is neither window nor stateful"))
    labels: tuple[str, ...] = field(
        metadata=limited(
            Limit(lambda names: len(names) >= 2, "there must be two or more"),
            _NO_NAME_TWICE,
            Limit(_are_plain, "a name is empty, or has a line break or another control character"),
        )
    )
    background: str | None
    frame_rate: float = field(
        metadata=_within(lambda rate: 0 < rate <= MAX_FRAME_RATE, f"{{}} is not in 0 to {MAX_FRAME_RATE:g}")
    )
    window: int = field(metadata=_between(1, MAX_WINDOW))
    stride: int = field(default=1, metadata=_only(1, "{}"))
    anchor_frames: int = field(
        metadata=_within(lambda frames: frames >= -MAX_AHEAD, f"{{}} is not in {-MAX_AHEAD} to 0")
    )
    height: int = field(metadata=_between(1, MAX_SIDE))
    width: int = field(metadata=_between(1, MAX_SIDE))
    color: str = field(default=COLOR, metadata=_only(COLOR, "{!r}"))
    resize: str = field(default=RESIZE, metadata=_only(RESIZE, "{!r}"))
    state_names: tuple[str, ...] = field(
        metadata=limited(_NO_NAME_TWICE, Limit(lambda names: FRAMES not in names, f"{FRAMES} is the input for frames"))
    )
    events: EventSettings = field(default_factory=EventSettings, metadata=prefixed("event_"))
    producer: str = ""
    training_fingerprint: str = ""
    accuracy: float | None = field(default=None, metadata=_between(0, 1))
    parity: float | None = field(
        default=None, metadata=_within(lambda parity: 0 <= parity < math.inf, "{} is not a difference")
    )
    created: str | None = None
    head: str | None = None
    temperature: float | None = field(
        default=None, metadata=_within(lambda divisor: 0 < divisor < math.inf, "{} is not above 0")
    )
    outputs: tuple[str, ...] | None = field(
        default=None, metadata=_within(lambda names: set(names) <= {KEYPOINTS}, f"{{}} is not {KEYPOINTS}")
    )

    def __post_init__(self) -> None:
        """Raise MetadataError for a combination no consumer could run."""
        problem = _problem(self)
        if problem is not None:
            raise MetadataError(problem)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the input image, pixels."""
        return self.width, self.height

    @property
    def window_seconds(self) -> float:
        """Media time one prediction looks at."""
        return self.window / self.frame_rate

    @property
    def ahead_seconds(self) -> float:
        """How long after the newest frame the moment is that a prediction is about; 0 if a frame has shown it."""
        return max(0, -self.anchor_frames) / self.frame_rate

    def to_metadata(self) -> dict[str, str]:
        """Return the flat strings that go into the ONNX file; facts that are None have no key."""
        return write_fields(self, prefix=KEY_PREFIX)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], *, path: str | Path = "the model") -> ModelSpec:
        """Read a spec from an ONNX file's metadata.

        Args:
            metadata: All keys of the file; those without the prefix are ignored.
            path: Where the keys come from, for messages.

        Raises:
            MetadataError: A required key is missing or a value cannot be used; the message names the key.
        """
        version_key = f"{KEY_PREFIX}spec_version"
        if not any(key.startswith(KEY_PREFIX) for key in metadata):
            raise MetadataError(
                f"{path} has no FrameStream metadata (the first key missing is {version_key}); "
                "use a file written by `framestream export`"
            )
        # A newer format may have renamed keys, so this comes before any of them is missed.
        version = read_value(int, metadata, key=version_key, path=path)
        if version > SPEC_VERSION:
            raise MetadataError(
                f"{path}: {version_key} is {abbreviate(version)}, this FrameStream reads {SPEC_VERSION}; "
                "update FrameStream"
            )
        values = read_fields(cls, metadata, prefix=KEY_PREFIX, path=path)
        try:
            return cls(**values)
        except MetadataError as error:
            raise MetadataError(f"{path}: {error}; export the model again") from error

    def to_json(self) -> str:
        """Return the sidecar's text: the same keys and values as the ONNX metadata, as one JSON object."""
        return json.dumps(self.to_metadata(), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, path: str | Path = "the sidecar") -> ModelSpec:
        """Read a spec from a sidecar's text; raises MetadataError like `from_metadata`."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise MetadataError(f"{path} is not JSON (line {error.lineno}); export the model again") from error
        except (ValueError, RecursionError) as error:
            # Numbers of thousands of digits, lists in lists without end.
            raise MetadataError(f"{path} is not JSON that can be used; export the model again") from error
        if not isinstance(values, dict):
            raise MetadataError(f"{path} does not hold a JSON object; export the model again")
        return cls.from_metadata({str(key): str(value) for key, value in values.items()}, path=path)


def _problem(spec: ModelSpec) -> str | None:
    """Say in one clause, starting with the key, what makes the spec unusable; None if nothing does.

    The limits of each field stand in the fields of `ModelSpec`; here are the rules between several.
    """
    problem = find_problem(spec)
    if problem is None:
        rules = (
            (spec.background in (None, *spec.labels), "background", f"{abbreviate(spec.background)} is not a label"),
            (spec.kind != "stateful" or spec.window == 1, "window", "a stateful model has window 1"),
            (
                spec.anchor_frames < spec.window,
                "anchor_frames",
                f"{abbreviate(spec.anchor_frames)} is before the window",
            ),
            (bool(spec.state_names) or spec.window == 1, "state_names", "there must be one or more"),
        )
        problem = next(((key, reason) for holds, key, reason in rules if not holds), None)
    if problem is None:
        return None
    key, reason = problem
    return f"{KEY_PREFIX}{key} cannot be used: {reason}"
