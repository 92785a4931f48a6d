"""Every setting is read once, a bad one is one line that names it, and no secret is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queen.errors import SettingsError
from queen.settings import LogLevel, PushStrategy, Settings, load


def test_the_guides_names_and_defaults() -> None:
    settings = load({})
    assert settings.db_pool_size == 20
    assert settings.db_connection_timeout == 2000
    assert settings.db_idle_timeout == 30_000
    assert settings.host == "127.0.0.1"


def test_values_come_from_the_environment_and_empty_means_not_set() -> None:
    settings = load(
        {"DB_POOL_SIZE": " 50 ", "PUSH_STRATEGY": "sequential", "PG_PORT": "", "LOG_LEVEL": "warn"}
    )
    assert settings.db_pool_size == 50
    assert settings.push_strategy is PushStrategy.SEQUENTIAL
    assert settings.pg_port == 5432
    assert settings.log_level is LogLevel.WARN


@pytest.mark.parametrize(
    ("balance", "strategy", "first"),
    [
        ("auto", "coalesce", True),
        ("auto", "batch", False),
        ("auto", "sequential", False),
        ("first", "batch", True),
        ("even", "coalesce", False),
    ],
)
def test_the_first_worker_goes_first_where_calls_are_shared(balance: str, strategy: str, first: bool) -> None:
    settings = load({"WORKER_BALANCE": balance, "PUSH_STRATEGY": strategy})
    assert settings.first_worker_first is first


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"DB_POOL_SIZE": "0"}, "DB_POOL_SIZE='0': expected int >= 1"),
        ({"DB_POOL_SIZE": "many"}, "DB_POOL_SIZE='many': expected int"),
        ({"PORT": "65536"}, "PORT='65536': expected int <= 65535"),
        ({"PUSH_STRATEGY": "x"}, "PUSH_STRATEGY='x': expected one of sequential, batch, coalesce"),
        ({"WORKER_BALANCE": "x"}, "WORKER_BALANCE='x': expected one of auto, first, even"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL='loud': expected one of debug, info, warn, error"),
        ({"ENABLE_METRICS": "perhaps"}, "ENABLE_METRICS='perhaps': expected bool"),
        (
            {"DEFAULT_SUBSCRIPTION_MODE": "old"},
            "DEFAULT_SUBSCRIPTION_MODE='old': expected all, new or nothing",
        ),
        (
            {"DB_POOL_SIZE": "2", "NUM_WORKERS": "3"},
            "DB_POOL_SIZE=2 is below NUM_WORKERS=3: each worker needs a connection of its own",
        ),
    ],
)
def test_a_bad_value_is_one_line(environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(environ)
    assert str(raised.value) == said


def test_secrets_are_masked_where_settings_are_shown() -> None:
    settings = Settings(pg_password="hunter2", queen_token="sesame")
    assert "hunter2" not in str(settings.public())
    assert "sesame" not in str(settings.public())
    assert settings.public()["PG_PASSWORD"] == "***"
    assert settings.environ()["PG_PASSWORD"] == "hunter2"


@given(
    st.builds(
        Settings,
        db_pool_size=st.integers(1, 500),
        db_idle_timeout=st.integers(0, 10**6),
        push_strategy=st.sampled_from(PushStrategy),
        enable_metrics=st.booleans(),
        pg_host=st.text("abc.", max_size=5),
    )
)
def test_a_childs_environment_gives_the_same_settings(settings: Settings) -> None:
    assert load(settings.environ()) == settings
