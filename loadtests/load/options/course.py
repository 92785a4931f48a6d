"""The options of whatever course a scenario has."""

import argparse

from locust.argument_parser import LocustArgumentParser

from loadtests.load.options import objective, stages
from loadtests.load.options.objective import SaturationOptions
from loadtests.load.options.stages import RampOptions, SpikeOptions
from loadtests.load.options.values import read_group
from loadtests.load.scenario import CourseKind

CourseOptions = RampOptions | SpikeOptions | SaturationOptions
COURSE = "queen_course"  # name in the parsed options, which no option sets


def add_arguments(parser: LocustArgumentParser, course: CourseKind) -> None:
    """Add the options of this kind of course."""
    parser.set_defaults(**{COURSE: course})
    if course == "ramp":
        stages.add_ramp_arguments(parser)
    elif course == "spike":
        stages.add_spike_arguments(parser)
    elif course == "saturation":
        objective.add_arguments(parser)


def read_course(parsed: argparse.Namespace) -> CourseOptions | None:
    """The options of the course; None: the load stays as it is. Raises `OptionError`."""
    groups: dict[CourseKind, type[CourseOptions]] = {
        "ramp": RampOptions,
        "spike": SpikeOptions,
        "saturation": SaturationOptions,
    }
    group = groups.get(getattr(parsed, COURSE))
    return read_group(parsed, group) if group is not None else None
