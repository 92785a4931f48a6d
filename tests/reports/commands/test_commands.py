"""`queen report`, `queen compare` and `python -m reports.pool_size` as a user runs them."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from loadtests.results import Invalidity
from queen.output import EXIT_NO_READER
from tests.reports.synthetic import Law, World, write_run
from tests.reports.test_locust_csv import write_stats

QUEEN = (sys.executable, "-m", "queen")
SMALL = World(laws={("batch", 0.0): Law(5_000, 0.5), ("batch", 2.0): Law(500, 0.02)}, sample_files=False)


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(argument) for argument in arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def test_report_prints_table_finding_and_path(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "results", SMALL)
    done = run(*QUEEN, "report", "--open", "no", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("configuration")
    assert lines[-2].startswith("Connections needed ≈ loans of a connection per second × hold time")
    assert (tmp_path / lines[-1]).read_text().startswith("<!doctype html>")
    assert (tmp_path / lines[-1]).parent == directory
    assert "\x1b[" not in done.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command",
    [
        (*QUEEN, "report", "--open", "no", "RUN"),
        (*QUEEN, "report", "--json", "RUN"),
        (*QUEEN, "compare", "RUN", "OTHER"),
        (sys.executable, "-m", "reports.pool_size", "RUN"),
    ],
    ids=lambda command: " ".join(command[2:4]),
)
def test_a_reader_that_goes_is_told_nothing_and_the_files_are_whole(
    tmp_path: Path, command: tuple[str, ...], unbuffered: str
) -> None:
    names = {
        "RUN": str(write_run(tmp_path, SMALL)),
        "OTHER": str(write_run(tmp_path, replace(SMALL, run_id="other", seed=9))),
    }
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [names.get(word, word) for word in command],
        cwd=tmp_path,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (EXIT_NO_READER, "")
    if "report" in command:
        assert Path(names["RUN"], "report.html").read_text().rstrip().endswith("</html>")


def test_report_as_json_is_one_object(tmp_path: Path) -> None:
    write_run(tmp_path / "results", SMALL)
    done = run(*QUEEN, "report", "synthetic", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)
    assert output["finding"].startswith("Connections needed")
    assert {curve["factors"]["strategy"] for curve in output["verdict"]["curves"]} == {"batch"}
    assert Path(tmp_path, output["report"]).is_file()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [((), "no run here yet"), (("nowhere",), "nowhere: no run there")],
)
def test_a_missing_run_is_one_line(tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    done = run(*QUEEN, "report", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_compare_finds_a_known_factor_and_warns_that_runs_were_not_interleaved(tmp_path: Path) -> None:
    write_run(tmp_path / "results", SMALL)
    faster = {key: Law(law.gamma * 1.5, law.sigma) for key, law in SMALL.laws.items()}
    write_run(
        tmp_path / "results", World(laws=faster, sample_files=False, seed=8, run_id="faster", block_sd=0)
    )
    done = run(*QUEEN, "compare", "synthetic", "faster", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["cells"]) == 8
    assert all(1.2 < cell["ratio"]["ratio"] < 1.9 for cell in found["cells"])
    assert [notice["caution"] for notice in found["notices"]] == ["not_interleaved"]
    (difference,) = found["differences"]  # a starved cell is warmed up for longer, and here one run has one
    assert difference["name"] == "warm-up of capacity (1 of 8 cells)"
    assert found["broken"] == []
    write_run(tmp_path / "results", replace(SMALL, run_id="again"))
    text = run(*QUEEN, "compare", "synthetic", "again", cwd=tmp_path).stdout
    assert text.count("no difference shown") == 8
    assert "Nothing that was recorded of machine, versions, settings and experiment differs." in text
    assert "not_interleaved" in text


def test_a_run_given_twice_is_one_line(tmp_path: Path) -> None:
    """Its trials are no repeats of themselves: they would make firm what one run does not settle."""
    write_run(tmp_path / "results", SMALL)
    write_stats(tmp_path / "pool-5_stats.csv", rate=400.0)
    pool_size = (sys.executable, "-m", "reports.pool_size")
    compare = (*QUEEN, "compare")
    given = ((pool_size, "results/synthetic"), (pool_size, "pool-5_stats.csv"), (compare, "synthetic"))
    for command, path in given:
        done = run(*command, path, path, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert "given more than once" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_compare_refuses_a_run_with_itself_by_whatever_path(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "results", SMALL)
    shutil.copytree(directory, tmp_path / "copy")
    for other in ("results/synthetic/", "copy"):
        done = run(*QUEEN, "compare", "synthetic", other, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("queen: synthetic: given more than once")
        assert len(done.stderr.splitlines()) == 1


def test_compare_tells_what_differs_and_whose_figures_do_not_count(tmp_path: Path) -> None:
    write_run(tmp_path / "results", SMALL)
    write_run(tmp_path / "results", replace(SMALL, run_id="lossy", lost_in=3))
    path = tmp_path / "results" / "lossy" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["machine"]["cpu_model"] = "Abacus"
    manifest["postgres_settings"]["fsync"] = "off"
    path.write_text(json.dumps(manifest))
    done = run(*QUEEN, "compare", "synthetic", "lossy", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("The figures of lossy do not count: ")
    assert "1 lost" in lines[0]
    assert any(line.startswith("machine, processor: ") and line.endswith(" | Abacus") for line in lines)
    assert "PostgreSQL, fsync: on | off" in lines
    assert any(line.startswith("accounting_broken: lossy: ") for line in lines)
    assert any(line.startswith("not_durable: lossy: ") for line in lines)
    assert done.returncode == run(*QUEEN, "report", "lossy", "--open", "no", cwd=tmp_path).returncode
    found = json.loads(run(*QUEEN, "compare", "synthetic", "lossy", "--json", cwd=tmp_path).stdout)
    assert found["broken"] == ["lossy"]
    assert {each["name"] for each in found["differences"]} == {"processor", "fsync"}


def test_a_run_without_a_trial_that_counts_is_called_broken_and_not_different(tmp_path: Path) -> None:
    write_run(tmp_path / "results", SMALL)
    lost = Invalidity(reason="accounting", detail="messages: 1 lost", fatal=True)
    remarks: dict[int, tuple[Invalidity, ...]] = dict.fromkeys(range(100), (lost,))
    write_run(tmp_path / "results", replace(SMALL, run_id="lossy", lost_in=3, remarks=remarks))
    done = run(*QUEEN, "compare", "synthetic", "lossy", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "The figures of lossy do not count: not every message is accounted for" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_compare_of_strangers_is_one_line(tmp_path: Path) -> None:
    write_run(tmp_path / "results", SMALL)
    other = World(laws={("coalesce", 0.0): Law(1_000, 0.5)}, sample_files=False, run_id="other")
    write_run(tmp_path / "results", other)
    done = run(*QUEEN, "compare", "synthetic", "other", cwd=tmp_path)
    assert done.returncode == 1
    assert "no configuration in common" in done.stderr
    assert "strategy: batch | coalesce" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("chart", ["chart.svg", "chart.png"])
def test_pool_size_draws_locusts_own_csv(tmp_path: Path, chart: str) -> None:
    for pool, rate in ((1, 100.0), (5, 400.0), (20, 410.0)):
        write_stats(tmp_path / f"pool-{pool}_stats.csv", rate=rate)
    done = run(sys.executable, "-m", "reports.pool_size", ".", "-o", chart, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / chart).stat().st_size > 5_000
    assert done.stdout.splitlines()[-1] == chart


def test_pool_size_names_what_it_cannot_read(tmp_path: Path) -> None:
    done = run(sys.executable, "-m", "reports.pool_size", "missing", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("pool_size: missing: neither")


def test_the_command_modules_are_light() -> None:
    """`queen --help` imports them: no pandas, matplotlib, scipy or jinja2 then."""
    code = (
        "import sys, reports.commands.report, reports.commands.compare;"
        "print(sorted({'pandas', 'matplotlib', 'scipy', 'numpy', 'jinja2', 'rich'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize(
    "command",
    [
        (*QUEEN, "report", "nowhere"),
        (*QUEEN, "compare", "nowhere", "nowhere"),
        (sys.executable, "-m", "reports.pool_size", "nowhere"),
    ],
    ids=lambda command: " ".join(command[2:4]),
)
def test_who_named_a_wrong_run_need_not_wait_for_pandas(tmp_path: Path, command: tuple[str, ...]) -> None:
    python, *words = command
    done = run(python, "-X", "importtime", *words, cwd=tmp_path)
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if "import time:" in line}
    assert done.returncode == 1
    assert "reports.runs" in imported
    assert not {"pandas", "matplotlib", "scipy", "numpy", "jinja2", "rich"} & imported
