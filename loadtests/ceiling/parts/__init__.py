"""The parts of `queen ceiling`, by the name that --part takes: a new one is a module and a line below."""

from loadtests.ceiling.part import Part
from loadtests.ceiling.parts.idle import PART as IDLE
from loadtests.ceiling.parts.matrix import PART as MATRIX
from loadtests.ceiling.parts.partitions import PART as PARTITIONS
from loadtests.ceiling.parts.ratios import PART as RATIOS
from loadtests.ceiling.parts.steady import PART as STEADY
from loadtests.ceiling.parts.table import AT_RANDOM, TOGETHER
from loadtests.ceiling.parts.workers import PART as WORKERS

_ALL = (RATIOS, MATRIX, WORKERS, PARTITIONS, TOGETHER, AT_RANDOM, STEADY, IDLE)
PARTS: dict[str, Part] = {part.name: part for part in _ALL}
