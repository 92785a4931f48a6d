import pytest

from loadtests.load.bounds import (
    Impossible,
    expect_possible,
    is_token,
    number,
    option_name,
    run_time_s,
    server_address,
    whole_number,
)

LONG = "9" * 10_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("1h1m1s", 3661), ("0h1s", 1)],
)
def test_a_run_time_is_read_as_locust_reads_it(text: str, seconds: int) -> None:
    assert run_time_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0m0s", "soon", "5m30", "-5", "²s", "99999999999999h", LONG, "5\0s"]
)
def test_what_is_no_run_time_is_one_short_line(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as error:
        run_time_s(text)
    assert_short(error.value)


@pytest.mark.parametrize("text", ["", "0", "²", "٣", "-1", "1.5", "11", LONG, "1\0"])
def test_a_whole_number_is_plain_digits_within_its_bounds(text: str) -> None:
    assert whole_number("10", 1, 10) == 10
    with pytest.raises(ValueError, match="expected") as error:
        whole_number(text, 1, 10)
    assert_short(error.value)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("10", 10), (".5", 0.5), ("1.", 1), ("1e1", 10)])
def test_a_number_is_plain_decimal(text: str, value: float) -> None:
    assert number(text, 0, 10) == value


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "1e400", "-1", "10.1", "1_0", "²", "٣", "0x1", " 1", LONG, "1\0"]
)
def test_what_is_no_number_within_its_bounds_is_one_short_line(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number, 0 to 10") as error:
        number(text, 0, 10)
    assert_short(error.value)


def test_a_bound_may_be_excluded() -> None:
    assert number("0.001", 0, 10, above=True) == 0.001
    with pytest.raises(ValueError, match="'0': expected a number above 0, at most 10"):
        number("0", 0, 10, above=True)


def test_what_no_generator_can_do_is_refused() -> None:
    most = {"users": 100_000, "partitions": 100_000, "batch": 1, "payload_bytes": 64 << 20}
    expect_possible(**most, pushes_s=1e6)
    for what, value in most.items():
        with pytest.raises(Impossible) as error:
            expect_possible(**{**most, what: value + 1}, pushes_s=1e6)
        assert error.value.what == ("batch" if what == "payload_bytes" else what)
    with pytest.raises(Impossible) as error:
        expect_possible(**most, pushes_s=1e6 + 1)
    assert error.value.what == "rate"


@pytest.mark.parametrize(
    "text",
    [
        "foo",
        "https://queue",
        "http://",
        "http://queue:0",
        "http://queue:99999",
        "http://queue/api",
        "http://me:secret@queue",
        "http://que ue",
        "http://queue\n",
        "http://queue\0",
        "http://" + "q" * 10_000,
        "http://[::1",
    ],
)
def test_what_is_no_address_of_a_server_is_one_short_line(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as error:
        server_address(text)
    assert_short(error.value)


@pytest.mark.parametrize("text", ["http://queue:6632", "http://127.0.0.1", "http://[::1]:6632"])
def test_an_address_loses_its_last_slash_and_nothing_else(text: str) -> None:
    assert server_address(text) == server_address(f"{text}/") == text


@pytest.mark.parametrize(
    ("text", "can_be"),
    [
        ("s3cret", True),
        ("a.b-c~d+e/f=", True),
        ("", False),
        ("zwölf", False),
        ("two words", False),
        ("a\nb", False),
    ],
)
def test_a_token_is_what_can_stand_in_a_header(text: str, can_be: bool) -> None:
    assert is_token(text) is can_be


def test_an_option_is_named_as_a_person_writes_it() -> None:
    assert option_name("payload_bytes") == "--payload-bytes"


def assert_short(error: ValueError) -> None:
    assert "\n" not in str(error)
    assert "\0" not in str(error)
    assert len(str(error)) < 200
