"""One load that a person started, in words: what it found, before anything about pools."""

from loadtests.results import Latency
from reports.single_load import SingleLoad


def opening(load: SingleLoad) -> str:
    """The first sentences of its report: that it failed, what it was to find, what was measured."""
    if load.in_vain:
        tried = f"{load.refused:,} pushes were not done, {load.unknown:,} had an unknown outcome"
        return f"{_sentence(load.in_vain)} In the measured window {tried}: this run says nothing about speed."
    producers = f"{load.producers} producer{'' if load.producers == 1 else 's'}"
    figures = (
        f"{load.shape}: {load.throughput:,.0f} messages/s of {producers} acknowledged in "
        f"{load.measured_s:.1f} s{_percentiles(load)}."
    )
    return " ".join(filter(None, (_sentence(load.answer), figures, _consumed(load))))


def _consumed(load: SingleLoad) -> str:
    if not load.consumed_msg_s:
        return ""
    until = f" until a consumer had a message: {_pair(load.end_to_end)}" if load.end_to_end else ""
    return f"Consumers took {load.consumed_msg_s:,.0f} messages/s{';' + until if until else ''}."


def _percentiles(load: SingleLoad) -> str:
    if load.response is not None:
        return f", {_pair(load.response)} from when a push was due"
    return "" if load.service is None else f", {_pair(load.service)} from the send"


def _pair(latency: Latency) -> str:
    return f"p50 {latency.p50_ms:.3g} ms, p99 {latency.p99_ms:.3g} ms"


def _sentence(text: str) -> str:
    """With a capital at its beginning and a full stop at its end; nothing stays nothing."""
    return f"{text[0].upper()}{text[1:].rstrip('.')}." if text else ""
