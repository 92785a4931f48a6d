"""What a figure can be: a file with another is broken, and refused where it is read.

The limits are checked when JSON is decoded; they keep statistics and charts from figures that no run gives.
"""

from typing import Annotated

from msgspec import Meta

MOST = 10**15  # of whatever unit

Count = Annotated[int, Meta(ge=0, le=MOST)]
Some = Annotated[int, Meta(ge=1, le=MOST)]  # what there must be one of
Figure = Annotated[float, Meta(ge=0, le=MOST)]  # s, ms, bytes, messages per second
Length = Annotated[float, Meta(ge=1e-6, le=MOST)]  # of a window, s: figures are divided by it
Difference = Annotated[float, Meta(ge=-MOST, le=MOST)]  # of readings: it falls when a process ends
WholeDifference = Annotated[int, Meta(ge=-MOST, le=MOST)]
