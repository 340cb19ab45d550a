"""Renders articulated people doing ten things: training clips, films and their timelines.

The flow: the `repertoire` (`standing`, `seated`, `resting`, `activities`, `strides`, `gestures`, `drops`) says which
joint angles a person has at a time, `skeleton` turns angles into joints, `people` (`faces`, `torsos`, `clothes`) puts
`solids` around them, `cameras` projects, `drawing` paints. `rooms` (`materials`, `fixtures`, `furniture`) are where
people are, `movers` are what moves by itself, `appearance` what a camera makes of it. `direction` decides who does
what where, `scenes` puts it together frame by frame, `recorder` writes video files, manifests and timelines. Everything
is drawn from one seed.

Apart from the ten, `pairs` are labels that only the order of frames tells apart: people sit down and stand up,
`openings` open and close.
"""
