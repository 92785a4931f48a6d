"""`python -m reports.pool_size PATH… [-o chart.svg]`: the main chart from any result files.

PATH is a run directory, or what `locust --csv` wrote (its prefix, one of its files, or a directory of
them, named after the pool: `pool-20_stats.csv`).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from loadtests.results import ResultError
from queen.output import while_read

EXIT_FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, print the finding and the chart's path; returns the exit code.

    Raises BrokenPipeError when nobody reads what is printed; see `queen.output`.
    """
    options = _parser().parse_args(argv)
    try:
        print(_draw(options.paths, options.output, options.batch))
    except BrokenPipeError:
        raise
    except (ResultError, OSError) as error:
        print(f"pool_size: {error}", file=sys.stderr)
        return EXIT_FAILED
    print(options.output)
    return 0


def _draw(paths: Sequence[Path], output: Path, batch: int | None) -> str:
    from reports.runs import read_any

    runs = read_any(paths, batch)

    from reports import dataset, titles
    from reports.charts import svg, throughput
    from reports.estimates import estimates_frame
    from reports.judge import judge

    verdict = judge(dataset.of(runs))
    curves = [curve for curve in verdict.curves if len(curve.cells) > 1]
    if not curves:
        raise ResultError("nothing to draw: no two pool sizes of one configuration among these files")
    first_part = [curve for curve in curves if curve.part == curves[0].part]
    title = titles.throughput(first_part)
    svg.save(throughput.draw(estimates_frame(first_part), title, unit=verdict.unit), output)
    return title


def _chart_path(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".svg", ".png"):
        raise argparse.ArgumentTypeError(f"{text}: the chart's name must end in .svg or .png")
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports.pool_size",
        description="Draw throughput against pool size from any result files.",
        epilog="example: python -m reports.pool_size pool-5_stats.csv pool-20_stats.csv -o pool.svg",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    default = Path("pool_size.svg")
    parser.add_argument(
        "-o", "--output", type=_chart_path, default=default, metavar="CHART", help=".svg or .png"
    )
    parser.add_argument("--batch", type=int, metavar="N", help="messages per request of the Locust runs")
    return parser


if __name__ == "__main__":
    sys.exit(while_read(main))
