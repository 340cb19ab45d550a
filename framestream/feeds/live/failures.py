"""Why a camera cannot be read, in plain words.

What FFmpeg and OpenCV print may carry addresses with passwords in them. So none of it is ever passed on: it is searched
for what is known, and the answer is a sentence of our own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from framestream.feeds.live.protocol import Finished

Stage = Literal["starting", "opening", "reading"]


# FFmpeg, C++, OpenCV and Python each say it in a way of their own.
_OUT_OF_MEMORY = (
    r"Cannot allocate memory|get_buffer\(\) failed|bad_alloc|Insufficient memory|OutOfMemory|MemoryError|new thread"
)
# What FFmpeg writes before the code of a refusal, in its log and in its names of errors.
_REFUSED = r"(?:failed:|HTTP error|returned)"


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why a connection ended.

    Attributes:
        cause: What happened and what to do about it; free of credentials.
        is_refusal: True if asking again soon may lock the account.
        is_excess: True if what it sends goes beyond a limit of its reader.
    """

    cause: str
    is_refusal: bool = False
    is_excess: bool = False


_NO_MEMORY = Failure(
    "reading it takes more memory than it may; give it a smaller picture, or raise reader_memory_gb", is_excess=True
)


# What to look for, in this order, and what it means.
_KNOWN: tuple[tuple[str, Failure], ...] = (
    (_OUT_OF_MEMORY, _NO_MEMORY),
    (_REFUSED + r" 401", Failure("wrong user or password (401); correct them in its address", True)),
    (_REFUSED + r" 403", Failure("access is not allowed (403); check the user's rights", True)),
    (_REFUSED + r" 404", Failure("no such stream (404); check the path in its address")),
    (_REFUSED + r" (?:453|503)", Failure("it has no room for another viewer (503); close one")),
    (_REFUSED + r" 5[\dX]{2}", Failure("its server reports an error of its own; look at the camera")),
    (_REFUSED + r" 4[\dX]{2}", Failure("its server refuses the request; check the address")),
    (r"resolve hostname", Failure("unknown host; check its name and the network's name service")),
    (r"Connection refused", Failure("connection refused; check that it is on, and the port")),
    (r"No route to host|(?:Network|Host) is (?:unreachable|down)", Failure("no way to its network; check its address")),
    (r"Connection reset|Broken pipe", Failure("it broke off the connection")),
    (
        r"timed out|timeout triggered|Immediate exit requested",
        Failure("no answer in time; check that it is on, and the address"),
    ),
    (r"certificate|handshake|SSL_connect", Failure("no secure connection; check its certificate")),
    (r"Device or resource busy", Failure("another program uses the device; close that")),
    (r"Invalid data found|moov atom not found", Failure("what it sends is no video; check the address")),
    (r"End of file", Failure("it closed the connection without sending video; check the address")),
)
_UNKNOWN = Failure("cannot be opened; check the address, and that it sends video")

# The tail end is what broke it; what a long-lived decoder complained about is not.
_SEARCHED_CHARACTERS = 4000


def explain(
    finished: Finished, *, stage: Stage, printed: str, exit_code: int | None, is_address: bool = True
) -> Failure:
    """Say why a reader process ended.

    Args:
        finished: The message with which the process said that it ends.
        stage: How far the connection had come.
        printed: What the process and its libraries wrote to standard error.
        exit_code: Exit code of the process, negative for a signal; None if it runs.
        is_address: Whether the process reads a URL; a device's reader finds the reason itself.
    """
    if finished.reason == "behind":
        return Failure(
            "reading it fell behind: this machine is too slow for its video; give it a smaller picture or rate"
        )
    if finished.reason == "not trusted":
        # Asking again soon would change nothing.
        return Failure(finished.detail, is_refusal=True)
    if finished.reason == "too large":
        return Failure(finished.detail, is_excess=True)
    if finished.reason == "no memory" or _search(printed) is _NO_MEMORY:
        return _NO_MEMORY
    if finished.reason == "failed":
        return Failure(f"reading failed: {finished.detail}")
    if finished.reason == "died":
        return _explain_death(stage, exit_code)
    if finished.reason == "not opened":
        return _search(printed) or (_UNKNOWN if is_address else Failure(finished.detail))
    return _ended(printed)


def no_response(stage: Stage, *, seconds: float, printed: str) -> Failure:
    """Say why nothing more is expected of a reader process that said nothing for `seconds`."""
    if stage == "reading":
        return Failure(f"no frame for {seconds:g} s")
    if stage == "starting":
        return Failure(f"its reader process did not start within {seconds:g} s; this machine is overloaded")
    return _search(printed) or Failure(
        f"no frame within {seconds:g} s of connecting; check that it is on, and the address"
    )


def _search(printed: str) -> Failure | None:
    tail = printed[-_SEARCHED_CHARACTERS:]
    return next((failure for pattern, failure in _KNOWN if re.search(pattern, tail, re.IGNORECASE)), None)


def _ended(printed: str) -> Failure:
    broke_off = re.search(r"Connection reset|Broken pipe", printed[-_SEARCHED_CHARACTERS:])
    return Failure("it broke off the connection" if broke_off else "the stream ended")


def _explain_death(stage: Stage, exit_code: int | None) -> Failure:
    if stage == "starting":
        return Failure(f"its reader process could not start (exit code {exit_code}); run: framestream doctor")
    how = f"was ended by signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"ended ({exit_code})"
    return Failure(f"its reader process {how}")
