import argparse
from typing import Any

import pytest
from locust.argument_parser import get_empty_argument_parser, setup_parser_arguments
from msgspec.structs import replace

from loadtests.load.conducting.course import Stage
from loadtests.load.options import (
    OptionError,
    add_arguments,
    arguments_of,
    check_start,
    make_course,
    make_plan,
    read_options,
)
from loadtests.load.plan import Consuming, LoadPlan
from loadtests.load.scenario import SCENARIOS


def parsed(*words: str, shape: str = "reasonable") -> argparse.Namespace:
    parser = get_empty_argument_parser(default_config_files=[])
    add_arguments(parser, shape)
    found = parser.parse_args(list(words))
    assert isinstance(found, argparse.Namespace)
    return found


def plan(*words: str, users: int = 10, shape: str = "reasonable") -> LoadPlan:
    return make_plan(
        read_options(parsed(*words, shape=shape)),
        shape=shape,
        host="http://127.0.0.1:1",
        users=users,
        trial_directory="x",
        run_tag="t",
    )


@pytest.mark.parametrize(
    ("shape", "batch", "interval_ms"),
    [("reasonable", 10, 100.0), ("medium", 50, 500.0), ("high", 100, 1000.0)],
)
def test_a_shape_is_the_guides(shape: str, batch: int, interval_ms: float) -> None:
    made = plan(shape=shape)
    assert (made.shape, made.batch, made.interval_ms, made.loop) == (shape, batch, interval_ms, "open")
    assert made.partitions == 10  # one for each producer


def test_batch_size_and_interval_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_SIZE", "20")
    monkeypatch.setenv("INTERVAL", "250")
    made = plan()
    assert (made.batch, made.interval_ms, made.shape) == (20, 250.0, "custom")
    assert plan("--batch", "7").batch == 7  # the command line is nearer


@pytest.mark.parametrize(
    ("variable", "value", "field", "planned"),
    [
        ("QUEEN_LOAD_PARTITIONS", "3", "partitions", 3),
        ("QUEEN_LOAD_PAYLOAD_BYTES", "77", "payload_bytes", 77),
        ("QUEEN_LOAD_QUEUE", "orders", "queue", "orders"),
        ("QUEEN_LOAD_CLIENT", "fast", "client", "fast"),
        ("QUEEN_LOAD_LOOP", "closed", "loop", "closed"),
        ("QUEEN_LOAD_RATE", "500", "rate_msg_s", 500.0),
        ("QUEEN_LOAD_ARRIVALS", "poisson", "phase", "poisson"),
        ("QUEEN_LOAD_IN_FLIGHT", "3", "in_flight", 3),
        ("QUEEN_LOAD_WARM_UP", "2.5", "warmup_s", 2.5),
        ("QUEEN_LOAD_CONSUMERS", "0.5", "users", 5),
    ],
)
def test_every_other_option_has_a_variable_too(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, field: str, planned: object
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(plan(), field) == planned


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_no_option_is_without_a_variable(scenario: str) -> None:
    parser = get_empty_argument_parser(default_config_files=[])
    known = {action.dest for action in parser._actions}
    add_arguments(parser, scenario)
    ours = [action for action in parser._actions if action.dest not in known]
    variables = [action.env_var for action in ours]
    assert len(set(variables)) == len(ours)
    assert {action.dest for action in ours} == set(arguments_of(read_options(parsed(shape=scenario))))


def test_the_directory_of_results_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEEN_LOAD_RESULTS_DIR", "elsewhere")
    assert read_options(parsed()).results_dir == "elsewhere"


def test_consumers_are_no_producers() -> None:
    assert plan("--consumers", "0.25", users=20).users == 15
    assert plan("--consumers", "1", users=5).users == 1


def test_each_run_has_a_queue_of_its_own_unless_one_is_named() -> None:
    assert plan().queue == "load-t"
    assert plan("--queue", "orders").queue == "orders"


def test_a_closed_loop_has_neither_interval_nor_rate() -> None:
    made = plan("--loop", "closed", "--rate", "500")
    assert (made.interval_ms, made.rate_msg_s) == (None, None)
    assert plan("--rate", "500").rate_msg_s == 500.0


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--batch", "0"], "--batch"),
        (["--interval", "-1"], "--interval"),
        (["--interval", "nan"], "--interval"),
        (["--rate", "inf"], "--rate"),
        (["--consumers", "1.5"], "--consumers"),
        (["--rate", "-5"], "--rate"),
        (["--payload-bytes", "1"], "--payload-bytes"),
        (["--partitions", "-2"], "--partitions"),
        (["--in-flight", "-1"], "--in-flight"),
        (["--in-flight", "99999999999999999999"], "--in-flight"),
        (["--lease", "99999999999"], "--lease"),
        (["--warm-up", "1e300"], "--warm-up"),
        (["--interval", "1e-300"], "--interval"),
        (["--rate", "999999999", "--batch", "1"], "rate"),
        (["--batch", "1000000"], "--batch"),
        (["--payload-bytes", "999999999"], "--payload-bytes"),
        (["--payload-sizes", "1-900000000"], "--payload-bytes"),
        (["--partitions", "999999999"], "--partitions"),
        (["--queue", "q" * 300], "--queue"),
        (["--queue", "a\0b"], "--queue"),
        (["--think-ms", "1\n2"], "--think-ms"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_option(words: list[str], named: str) -> None:
    with pytest.raises(OptionError, match=named) as error:
        plan(*words)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("shape", "words", "named"),
    [
        ("ramp", ["--from-rate", "0"], "--from-rate"),
        ("ramp", ["--to-rate", "nan"], "--to-rate"),
        ("ramp", ["--steps", "1"], "--steps"),
        ("ramp", ["--steps", "1000000000"], "--steps"),
        ("ramp", ["--to-rate", "999999999"], "rate"),
        ("spike", ["--peak-rate", "999999999"], "rate"),
        ("saturation", ["--most-rate", "999999999"], "rate"),
        ("saturation", ["--precision", "1e-9"], "--precision"),
        ("ramp", ["--step-time", "-1"], "--step-time"),
        ("ramp", ["--loop", "closed"], "--loop"),
        ("ramp", ["--rate", "100"], "--rate"),
        ("spike", ["--base-rate", "0"], "--base-rate"),
        ("spike", ["--peak-rate", "inf"], "--peak-rate"),
        ("spike", ["--base-time", "0"], "--base-time"),
        ("spike", ["--peak-time", "0"], "--peak-time"),
        ("saturation", ["--p99-ms", "0"], "--p99-ms"),
        ("saturation", ["--precision", "0"], "--precision"),
        ("saturation", ["--most-rate", "10"], "--most-rate"),
        ("saturation", ["--step-time", "1"], "--step-time"),
        ("saturation", ["--rate", "5"], "--rate"),
    ],
)
def test_a_bad_value_of_a_course_is_one_line_too(shape: str, words: list[str], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        plan(*words, shape=shape)


def test_a_course_begins_with_the_load_that_the_plan_says() -> None:
    for shape, rate in (("ramp", 100.0), ("spike", 500.0), ("saturation", 500.0)):
        assert first_stage(shape).rate_msg_s == plan(shape=shape).rate_msg_s == rate
        assert plan(shape=shape).shape == shape


def test_the_options_of_a_course_are_its_stages() -> None:
    course = make_course(read_options(parsed("--steps", "2", "--to-rate", "900", shape="ramp")))
    assert course is not None
    stages = [course.next(), course.next(), course.next()]
    assert [stage.rate_msg_s for stage in stages if stage] == [100.0, 900.0]
    assert first_stage("spike", "--warm-up", "7").settle_s == 7.0
    assert first_stage("saturation", "--p99-ms", "80").grace_s == 0.08
    assert make_course(read_options(parsed(shape="soak"))) is None


def first_stage(shape: str, *words: str) -> Stage:
    course = make_course(read_options(parsed(*words, shape=shape)))
    assert course is not None
    stage = course.next()
    assert stage is not None
    return stage


def test_half_of_the_users_of_a_soak_consume_unless_something_else_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert plan(shape="soak").users == 5
    assert plan("--consumers", "0", shape="soak").users == 10
    monkeypatch.setenv("QUEEN_LOAD_CONSUMERS", "0.2")
    assert plan(shape="soak").users == 8


def test_the_web_form_keeps_an_options_type() -> None:
    for name, value in vars(parsed()).items():
        changed: Any = None if name in {"locustfile", "config"} else type(value)
        assert changed is not type(None), name


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--groups", "-1"], "--groups"),
        (["--think-ms", "soon"], "--think-ms"),
        (["--nack-share", "1.5"], "--nack-share"),
        (["--nack-share", "0.6", "--slow-share", "0.6"], "--nack-share, --retry-share, --slow-share"),
        (["--lease", "0"], "--lease"),
        (["--max-size", "-1"], "--max-size"),
        (["--drain-for", "-1"], "--drain-for"),
        (["--payload-sizes", "large"], "--payload-sizes"),
        (["--consumers", "0.3", "--groups", "4"], "--groups 4: there are only 3 consumers"),
    ],
)
def test_what_consumers_cannot_do_is_refused(words: list[str], named: str) -> None:
    with pytest.raises(OptionError) as refusal:
        plan(*words, users=10)
    assert str(refusal.value).startswith(named)
    assert "\n" not in str(refusal.value)


def test_consumers_do_what_the_options_say() -> None:
    words = [
        "--consumers",
        "0.5",
        "--groups",
        "2",
        "--think-ms",
        "5-50",
        "--nack-share",
        "0.1",
        "--lease",
        "5",
    ]
    assert plan(*words, "--max-size", "1000").consuming == Consuming(
        consumers=5, groups=2, think_ms="5-50", nack_share=0.1, lease_s=5, max_size=1000
    )
    assert plan("--groups", "2").consuming is None  # without consumers
    assert plan("--drain-for", "7").check_s == 7


def test_sizes_may_differ_and_the_result_shows_their_mean() -> None:
    made = plan("--payload-sizes", "100:0.9,10000:0.1")
    assert (made.payload_sizes, made.payload_bytes) == ("100:0.9,10000:0.1", 1090)
    assert plan("--payload-bytes", "500").payload_sizes == ""


def test_mixed_has_groups_failures_and_slow_consumers_and_each_may_be_changed() -> None:
    made = plan(shape="mixed")
    assert made.users == 5
    assert made.consuming == replace(SCENARIOS["mixed"].consuming, consumers=5)
    assert made.consuming.groups == 2
    assert min(made.consuming.nack_share, made.consuming.retry_share, made.consuming.slow_share) > 0
    changed = plan("--slow-share", "0", "--groups", "3", shape="mixed").consuming
    assert changed == replace(made.consuming, slow_share=0, groups=3)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--users", "0"], "--users"),
        (["--users", "-3"], "--users"),
        (["--users", "100000000"], "--users"),
        (["--run-time", "0"], "--run-time"),
        (["--run-time", "99999999999"], "--run-time"),
        (["--host", "foo"], "--host"),
        (["--host", "https://queue"], "--host"),
        (["--host", "http://queue/api"], "--host"),
        (["--host", "http://que ue"], "--host"),
        (["--host", "http://queue:99999"], "--host"),
        (["--host", ""], "--host"),
        (["--payload-bytes", "-1"], "--payload-bytes"),
        (["--consumers", "0.5", "--groups", "9"], "--groups"),
    ],
)
def test_a_start_is_refused_for_what_the_run_would_refuse(words: list[str], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        check_start(started_with("--host", "http://queue:6632", "--users", "10", *words), "reasonable")


def test_a_start_is_refused_for_a_token_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    good = started_with("--host", "http://queue:6632/", "--users", "10", "--run-time", "1m")
    check_start(good, "reasonable")
    monkeypatch.setenv("QUEEN_LOAD_TOKEN_FILE", "/nowhere")
    with pytest.raises(OptionError, match="QUEEN_LOAD_TOKEN_FILE"):
        check_start(good, "reasonable")


def test_a_page_may_be_opened_before_it_is_known_what_is_loaded() -> None:
    check_start(started_with(), "mixed", needs_host=False)
    with pytest.raises(OptionError, match="--host"):
        check_start(started_with(), "mixed")


def started_with(*words: str) -> argparse.Namespace:
    parser = get_empty_argument_parser(default_config_files=[])
    setup_parser_arguments(parser)
    add_arguments(parser, "reasonable")
    found = parser.parse_args(list(words))
    assert isinstance(found, argparse.Namespace)
    return found
