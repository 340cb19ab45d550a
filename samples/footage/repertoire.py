"""The function that makes the motion of each label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from footage.drops import bend, fall
from footage.gestures import clap, jumping_jack, punch, wave, wave_both_hands
from footage.motions import Motion, Place
from footage.standing import idle
from footage.strides import run, walk

PERFORMERS: dict[str, Callable[[np.random.Generator, Place], Motion]] = {
    "idle": idle,
    "walk": walk,
    "run": run,
    "wave": wave,
    "wave-both-hands": wave_both_hands,
    "clap": clap,
    "punch": punch,
    "jumping-jack": jumping_jack,
    "bend": bend,
    "fall": fall,
}
