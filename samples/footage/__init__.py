"""Renders articulated people doing ten things: training clips, films and their timelines.

The flow: the `repertoire` (`standing`, `strides`, `gestures`, `drops`) says which joint angles a person has at a
time, `skeleton` turns angles into joints, `people` dresses them in capsules, `cameras` projects, `drawing` paints,
`scenery` is what stands behind, `direction` decides who does what where, `scenes` puts it together frame by frame,
`recorder` writes video files, manifests and timelines. Everything is drawn from one seed.

Apart from the ten, `pairs` are labels that only the order of frames tells apart: people sit down and stand up,
`openings` open and close.
"""
