"""What a run says about settings, one sentence each: the size of the pool, the number of workers."""

from collections.abc import Sequence

from reports.ceilings.findings import Answer, CeilingFindings, RatioFound
from reports.ceilings.pairs import Spread

POOLS = "pool-4-100"  # key of the ratio of a small pool to a large one
WORKERS = "workers-"  # of the keys of all ratios of one worker to two
SHARE = "few-share"  # key of how unevenly connections fell to two workers
FEW_P99 = "few-p99"  # key of what that does to the slowest requests
NAMED = 6  # loads; more of them are only counted


def advice(found: CeilingFindings) -> tuple[str, ...]:
    """The sentences; none about what was not measured."""
    measured = [each for each in found.ratios if each.spread is not None]
    workers = [each for each in measured if each.ratio.key.startswith(WORKERS)]
    sentences = [pools(each) for each in measured if each.ratio.key == POOLS]
    if workers:
        sentences.append(worker_count(workers))
    by_key = {each.ratio.key: each for each in measured}
    if SHARE in by_key and FEW_P99 in by_key:
        sentences.append(few_clients(by_key[SHARE], by_key[FEW_P99]))
    return tuple(sentences)


def pools(found: RatioFound) -> str:
    """Whether a big pool buys anything under `coalesce`, with the figures that say so."""
    assert found.spread is not None
    figures = f"{found.ratio.label}: {figure(found.spread)}, where {found.ratio.wanted:g} is enough"
    return {
        Answer.MET: f"A big pool buys nothing under coalesce ({figures}).",
        Answer.OPEN_ABOVE: f"A big pool buys nothing under coalesce by the median, "
        f"which is not settled ({figures}).",
        Answer.OPEN_BELOW: f"Whether a big pool buys anything under coalesce stays open ({figures}).",
        Answer.MISSED: f"A big pool is faster under coalesce here ({figures}).",
    }[found.answer]


def worker_count(found: Sequence[RatioFound]) -> str:
    """For which loads one worker is faster than two, for which it is slower."""
    if not any(interval(each) for each in found):
        return "A single round shows no difference between one worker and two."
    one = [each for each in found if (side := interval(each)) and side[0] > 1]
    two = [each for each in found if (side := interval(each)) and side[1] < 1]
    open_ = [each for each in found if each not in one and each not in two]
    words = [
        f"{name} for {loads(group, len(found))}"
        for name, group in (
            ("One worker is faster than two", one),
            ("two workers are faster", two),
            ("no difference is shown", open_),
        )
        if group
    ]
    text = "; ".join(words)
    return f"{text[:1].upper()}{text[1:]}."


def few_clients(share: RatioFound, p99: RatioFound) -> str:
    """How unevenly connections fell to two workers, and what it cost: advice when it is shown to cost."""
    assert share.spread is not None
    assert p99.spread is not None
    text = (
        "Who comes to which worker is chance: with few clients the busier of two had "
        f"{50 * share.spread.median:.0f} % of the connections "
        f"({50 * share.spread.highest:.0f} % at most) and half of the pool; "
        f"the p99 was {figure(p99.spread)} times that of one worker"
    )
    sides = interval(p99)
    if sides and sides[0] > 1:
        return f"{text}: take one worker for few clients and a small pool."
    return f"{text}."


def loads(group: Sequence[RatioFound], of: int) -> str:
    """`push ×1 (1.34 [1.31–1.36])`, or how many of how many."""
    if of > NAMED:
        return f"{len(group)} of {of} loads"
    return ", ".join(
        f"{each.ratio.label.partition(': ')[2]} ({figure(each.spread)})"
        for each in group
        if each.spread is not None
    )


def figure(spread: Spread) -> str:
    """The median, with the interval when there is one."""
    if spread.interval is None:
        return f"{spread.median:.2f}"
    return f"{spread.median:.2f} [{spread.interval.low:.2f}–{spread.interval.high:.2f}]"


def interval(found: RatioFound) -> tuple[float, float] | None:
    """Both ends; None of a single round, which shows no difference."""
    if found.spread is None or found.spread.interval is None:
        return None
    return found.spread.interval.low, found.spread.interval.high
