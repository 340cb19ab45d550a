"""Records for people: one line per event, and a progress bar where somebody looks on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from framestream.cores import threads_text
from framestream.escapes import escape
from framestream.records import End, Event, Gap, Prediction, Record, Start, Status

if TYPE_CHECKING:
    from rich.progress import Progress


class TextSink:
    """Writes events (and predictions, if it is given any to show) to `output`, all else to `messages`.

    With `progress` there is an introduction, a bar and a closing summary on `messages`; without, only events and
    gaps are written. No bar with `predictions`: they show how far it is, and a bar would be redrawn around each.
    """

    def __init__(
        self,
        output: TextIO,
        messages: TextIO | None,
        *,
        predictions: bool = False,
        progress: bool = False,
        bar: bool = True,
    ) -> None:
        """Write to two text streams, which are left open; without `messages`, those are thrown away.

        With `bar=False` there is none in any case, as for sources that have no end or are many.
        """
        self._output = output
        self._messages = messages
        self._with_predictions = predictions
        self._with_summary = progress
        with_bar = bar and progress and messages is not None and not predictions
        self._bar = _Bar(messages) if with_bar and messages is not None else None
        # Cameras that were said to be in trouble, so that the end of it is said as well.
        self._troubled: set[str | None] = set()

    def write(self, record: Record) -> None:
        """Show one record."""
        if isinstance(record, Event):
            span = f"{format_time(record.start_seconds)} \N{EN DASH} {format_time(record.end_seconds)}"
            self._line(self._output, f"{_place(record)}{span}  {record.label}  {record.score:.2f}")
        elif isinstance(record, Prediction):
            if self._with_predictions:
                when = format_time(record.pts_seconds)
                self._line(self._output, f"{_place(record)}{when}  {record.label}  {record.score:.2f}")
            if self._bar is not None:
                self._bar.move_to(record.pts_seconds)
        elif isinstance(record, Gap):
            lost = "" if record.frames_lost is None else f", some {record.frames_lost} frames lost"
            self._line(
                self._messages, f"{_place(record)}gap at {format_time(record.pts_seconds)}: {record.reason}{lost}"
            )
        elif isinstance(record, Status):
            self._show_status(record)
        elif isinstance(record, Start):
            self._show_start(record)
        else:
            self.close()
            if self._with_summary:
                self._line(self._messages, _place(record) + _summary(record))

    def _show_start(self, start: Start) -> None:
        if self._with_summary:
            self._line(self._messages, _place(start) + _introduction(start))
        if start.slower_than_model:
            self._line(self._messages, _place(start) + _slowness(start))
        if self._bar is not None:
            self._bar.start(start)

    def _show_status(self, status: Status) -> None:
        # What goes well is shown to somebody who looks on, trouble and its end to anybody.
        is_trouble = status.reason is not None or status.state == "stalled"
        if status.state == "failed" and status.camera is None:
            # Whoever watches a single source gets an error.
            return
        if not (is_trouble or self._with_summary or status.camera in self._troubled):
            return
        if status.state != "overloaded":
            (self._troubled.add if is_trouble else self._troubled.discard)(status.camera)
        reason = "" if status.reason is None else f": {status.reason}"
        retry = "" if status.retry_seconds is None else f"; next attempt in {status.retry_seconds:.1f} s"
        self._line(self._messages, f"{_place(status)}{status.state}{reason}{retry}")

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()

    def _line(self, stream: TextIO | None, text: str) -> None:
        if stream is None:
            return
        # The bar gives the terminal back while the line is written, since both streams may be the same screen.
        if self._bar is not None:
            self._bar.pause()
        stream.write(escape(text) + "\n")
        stream.flush()
        if self._bar is not None:
            self._bar.resume()


class _Bar:
    """A Rich progress bar over media time."""

    def __init__(self, messages: TextIO) -> None:
        self._messages = messages
        self._progress: Progress | None = None

    def start(self, record: Start) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        from framestream.console import EscapingConsole

        total: float | None = None
        if record.declared_frames is not None and record.declared_fps is not None:
            total = record.declared_frames / record.declared_fps
        self._progress = Progress(
            TextColumn("{task.fields[position]}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=EscapingConsole(file=self._messages),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._progress.add_task("watch", total=total, position=format_time(0.0))
        self._progress.start()

    def move_to(self, seconds: float) -> None:
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], completed=seconds, position=format_time(seconds))

    def pause(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    def resume(self) -> None:
        if self._progress is not None:
            self._progress.start()

    def stop(self) -> None:
        self.pause()
        self._progress = None


def _place(record: Record) -> str:
    """Return what a line about one of many cameras or zones begins with."""
    zone = record.zone if isinstance(record, (Event, Prediction)) else None
    names = [name for name in (record.camera, zone) if name is not None]
    return "/".join(names) + "  " if names else ""


def format_time(seconds: float) -> str:
    """Return `MM:SS.ss`, with hours in front where there are any."""
    hundredths = round(seconds * 100)
    sign, hundredths = ("-", -hundredths) if hundredths < 0 else ("", hundredths)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    clock = f"{minutes:02d}:{rest // 100:02d}.{rest % 100:02d}"
    return f"{sign}{hours}:{clock}" if hours else f"{sign}{clock}"


def _introduction(start: Start) -> str:
    size = f"{start.size_wh[0]}x{start.size_wh[1]}"
    unchecked = ", certificate not checked" if start.insecure else ""
    return f"{start.source} ({size}{unchecked}): {start.model} on {start.provider}, {threads_text(start.threads)}"


def _slowness(start: Start) -> str:
    return (
        f"{start.source} has {start.declared_fps:g} frames a second and the model sees {start.frame_rate:g}: "
        "each is held until the next, and fast motion is missed"
    )


def _summary(end: End) -> str:
    speed = end.media_seconds / end.wall_seconds if end.wall_seconds > 0 else 0.0
    events = f"{end.events} event" + ("" if end.events == 1 else "s")
    stopped = "interrupted: " if end.interrupted else ""
    return (
        f"{stopped}{events} in {format_time(end.media_seconds)} of video, {end.frames_read} frames, "
        f"{end.wall_seconds:.1f} s ({speed:.0f} x real time)"
    )
