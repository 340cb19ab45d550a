"""The default model: does it load, and does it run?"""

from __future__ import annotations

import time

import numpy as np

from framestream.classifier import Classifier
from framestream.cores import threads_text
from framestream.doctor.findings import Finding
from framestream.errors import FrameStreamError, MissingDependencyError


def check_model() -> list[Finding]:
    """Load the model that comes along and run a window of frames through it."""
    try:
        classifier = Classifier.load()
        spec = classifier.spec
        frames = np.random.default_rng(0).integers(0, 256, (1, spec.window, *spec.size_wh[::-1], 3), dtype=np.uint8)
        began = time.perf_counter()
        probabilities, _ = classifier.session.run(frames, classifier.session.zero_state())
        milliseconds = (time.perf_counter() - began) * 1000
    except MissingDependencyError as error:
        detail, _, remedy = str(error).partition("; ")
        return [Finding("model", "default", "broken", detail, remedy)]
    except FrameStreamError as error:
        return [Finding("model", "default", "broken", str(error), "run: pip install --force-reinstall framestream")]
    if not np.allclose(probabilities.sum(axis=-1), 1.0, atol=1e-3):
        detail = f"on {classifier.provider} its probabilities do not add up to 1"
        return [Finding("model", "default", "broken", detail, "use --device cpu, and update the driver of the device")]
    detail = (
        f"{len(spec.labels)} labels, {spec.frame_rate:g} frames per second; {spec.window} frames took "
        f"{milliseconds:.1f} ms on {classifier.provider}, {threads_text(classifier.session.threads)}"
    )
    return [Finding("model", "default", "ok", detail)]
