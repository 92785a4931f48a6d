"""The parts of `queen ceiling`, by the name that --part takes: a new one is a module and a line below."""

from loadtests.ceiling.part import Part
from loadtests.ceiling.parts.matrix import PART as MATRIX
from loadtests.ceiling.parts.ratios import PART as RATIOS

PARTS: dict[str, Part] = {part.name: part for part in (RATIOS, MATRIX)}
