"""The README of a hand-off folder, for a reader who has never installed FrameStream."""

from __future__ import annotations

from collections.abc import Iterator

from framestream_export.handoff.facts import HandoffFacts
from framestream_export.handoff.folder_layout import CARD_FILE, LABELS_FILE, PICTURES_FOLDER, SUMS_FILE

_REPLAY = """
import json, pathlib, sys
import numpy as np, onnx, onnxruntime
from onnx import numpy_helper

folder = pathlib.Path(sys.argv[1])  # of a variant
facts = json.loads((folder / "vectors.json").read_text())
session = onnxruntime.InferenceSession(str(folder / facts["model"]), providers=["CPUExecutionProvider"])
inputs, outputs = [x.name for x in session.get_inputs()], [x.name for x in session.get_outputs()]


def load(number, side, names):
    files = [folder / f"test_data_set_{number}" / f"{side}_{i}.pb" for i in range(len(names))]
    return {name: numpy_helper.to_array(onnx.load_tensor(str(file))) for name, file in zip(names, files)}


for stream in facts["sequences"]:
    state = None
    for number in stream["sets"]:
        given, expected = load(number, "input", inputs), load(number, "output", outputs)
        found = dict(zip(outputs, session.run(outputs, given if state is None else {**given, **state})))
        state = {name: found["next_" + name] for name in inputs if name != "frames"}
        off = max(float(np.abs(found[name] - expected[name]).max()) for name in outputs)
        print(f"test_data_set_{number}: off by {off:.1e}")
"""


def guide(facts: HandoffFacts) -> str:
    """The README as Markdown."""
    parts = (_start, _contents, _tensors, _rules, _vectors)
    return "\n\n".join("\n".join(part(facts)) for part in parts) + "\n"


def _start(facts: HandoffFacts) -> Iterator[str]:
    spec = facts.spec
    yield "# A model that recognises actions in video"
    yield ""
    yield f"Feed it frames, {spec.frame_rate:g} a second; it predicts a probability for each of"
    yield f"{len(spec.labels)} labels. Any ONNX Runtime from 1.12 on runs it, in any language; nothing else is needed."
    yield f"What it recognises, how well and how fast: [{CARD_FILE}]({CARD_FILE})."


def _contents(facts: HandoffFacts) -> Iterator[str]:
    yield "## What is here"
    yield ""
    yield "| file | what |"
    yield "|---|---|"
    for one in facts.variants:
        yield f"| `{one.file}` | {one.variant.purpose} |"
    yield "| `…/model.json` | the model's metadata, for runtimes that cannot read them from the file |"
    yield "| `…/vectors.json`, `…/test_data_set_N/` | golden vectors: inputs, and the outputs they must give |"
    yield f"| `{PICTURES_FOLDER}/test_data_set_N/` | pictures, and the frames they must become |"
    yield f"| `{LABELS_FILE}` | the labels, one a line, in the order of the probabilities |"
    yield f"| `{SUMS_FILE}` | SHA-256 of every file: `sha256sum -c {SUMS_FILE}` |"


def _tensors(facts: HandoffFacts) -> Iterator[str]:
    spec, state = facts.spec, facts.variants[0].state
    yield "## Tensors"
    yield ""
    yield "| tensor | type, shape | meaning |"
    yield "|---|---|---|"
    yield (
        f"| in `frames` | uint8 `[cameras, steps, {spec.height}, {spec.width}, 3]` | new frames, RGB bytes 0 to 255;"
        " normalisation is inside |"
    )
    for name, shape in state.items():
        sides = ", ".join(map(str, shape))
        yield f"| in `{name}` | float32 `[cameras, {sides}]` | state; all zeros start a stream |"
    yield (
        f"| out `probabilities` | float32 `[cameras, steps, {len(spec.labels)}]` | one row per frame, labels as in"
        f" `{LABELS_FILE}` |"
    )
    for name, shape in state.items():
        sides = ", ".join(map(str, shape))
        yield f"| out `next_{name}` | float32 `[cameras, {sides}]` | feed it as `{name}` next time |"
    yield ""
    yield "`cameras` and `steps` are free: one frame a run or sixteen, one camera or four, the numbers are the same."
    if fixed := [f"`{one.variant.name}`" for one in facts.variants if one.fixed_steps]:
        yield f"Not so in {', '.join(fixed)}: one frame a run."
    yield ""
    names = " and ".join(f"`next_{name}` as `{name}`" for name in state)
    yield f"**The rule for state: feed {names} in the next run.** If you feed zeros by mistake nothing fails;"
    yield "the predictions are just worse. Two cameras never share a state."


def _rules(facts: HandoffFacts) -> Iterator[str]:
    spec = facts.spec
    first = spec.window - 1
    yield "## What you have to do"
    yield ""
    yield f"1. **Sample by time.** Tick at `first + k / {spec.frame_rate:g}` seconds. Give each tick the first frame at"
    yield "   or after it; if none came before the next tick, repeat the last one. Use presentation timestamps, never"
    yield "   the declared rate of a file."
    yield f"2. **Scale.** Stretch the whole frame to {spec.width} x {spec.height}. Where both sides shrink, average the"
    yield "   covered area; otherwise bilinear with half-pixel centres. RGB order."
    yield f"   `{PICTURES_FOLDER}/` shows it; off by 1 is fine."
    if first:
        yield f"3. **Wait for the first window.** The first {first} rows of a stream include frames before its start:"
        yield "   drop them."
        yield "4. **After a gap start anew.** A pause, a jump in time, another picture size: feed zeros as state, and"
        yield f"   drop {first} rows."
    else:
        yield "3. **After a gap start anew.** A pause, a jump in time, another picture size: feed zeros as state."
    if delay := spec.anchor_frames / spec.frame_rate:
        moment = f"`t - {delay:g}` s" if delay > 0 else f"`t + {-delay:g}` s: the model predicts the future"
        yield f"{5 if first else 4}. **Date predictions.** The row of the frame at time `t` is about {moment}."
    yield ""
    events = spec.events
    yield f"Events, as FrameStream makes them: average the rows of the last {events.smoothing_seconds:g} s; one begins"
    yield f"where a label reaches {events.enter:g}, ends where it falls below {events.leave:g}, and counts if it lasts"
    yield f"{events.min_seconds:g} s."
    if spec.background:
        yield f"`{spec.background}` is never an event."


def _vectors(facts: HandoffFacts) -> Iterator[str]:
    yield "## Golden vectors"
    yield ""
    yield "Folders as in ONNX's own backend tests: `input_I.pb` and `output_I.pb` are TensorProtos in the order of the"
    yield "graph's inputs and outputs. The sets of a sequence in `vectors.json` are one stream: carry **your own**"
    yield "state from each to the next. The outputs must stay within `limit` (`elsewhere_limit` on a GPU or another"
    yield "accelerator), as a share of the tensor's largest value or of 1, and name the same label. The first set that"
    yield "is off says what is wrong: frames or weights in the first of a sequence, state in a later one."
    yield ""
    yield "```python"
    yield _REPLAY.strip("\n")
    yield "```"
    yield ""
    yield "With FrameStream installed, `framestream verify DIR` does that and more, on any `--provider`."
