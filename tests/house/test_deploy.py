"""The files of deploy/ hold the guide's values in a form that the programs read."""

import re
import subprocess

from queen import settings
from queen.settings import LogLevel
from tests.house.conftest import ROOT

ENVIRONMENT = ROOT / "deploy" / "queen.env"


def variables() -> dict[str, str]:
    lines = ENVIRONMENT.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def test_the_production_environment_is_the_guides() -> None:
    loaded = settings.load(variables())
    assert loaded.db_pool_size == 50
    assert loaded.db_connection_timeout == 5_000
    assert loaded.db_idle_timeout == 30_000
    assert loaded.log_level is LogLevel.WARN
    assert loaded.enable_metrics


def test_the_server_knows_every_variable_of_it() -> None:
    assert variables().keys() <= settings.load({}).environ().keys()


def test_a_shell_reads_the_same_as_an_env_file() -> None:
    script = f"set -a; . {ENVIRONMENT}; env"
    done = subprocess.run(["sh", "-c", script], env={}, capture_output=True, text=True, check=True)
    assert variables().items() <= dict(line.partition("=")[::2] for line in done.stdout.splitlines()).items()


def test_the_postgresql_fragment_is_the_guides() -> None:
    text = (ROOT / "deploy" / "postgresql.conf").read_text(encoding="utf-8")
    assert dict(re.findall(r"^(\w+) = ('[^']*'|\S+)", text, re.MULTILINE)) == {
        "max_connections": "200",
        "shared_preload_libraries": "'pg_stat_statements'",
        "shared_buffers": "256MB",
        "effective_cache_size": "1GB",
        "work_mem": "4MB",
        "maintenance_work_mem": "64MB",
    }
