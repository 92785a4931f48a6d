"""The one definition of the result files: what a run leaves behind, and all that reports may read.

A leaf: it imports nothing of ours. Layout of one run (every path is made by `RunFiles`):

    results/<run_id>/
      manifest.json              Manifest: what was asked, on which machine, with which versions
      experiment.toml            the matrix as it was run (sweeps only)
      ceilings.json              Ceilings: windows and asked ratios (`queen ceiling` only)
      trials/<trial_id>/
        trial.json               Trial: one configuration, one repeat, its figures and its verdict
        load.json                LoadResult: what the generator saw (written by the Locust process)
        ledger.json              Ledger: what became of every message, per producer
        latency.hlog             HDR interval log, tags `service` and `response`, microseconds
        course.hlog              the same for each step of time, tags `lag`, `service` and `response`
                                 (loads that a person started)
        samples.csv              one Sample a row, ten rows a second
        server.log, locust.log   output of the child processes
      report.html, charts/       written by reports

A file appears whole or not at all (temporary name, then rename), so an interrupted run keeps what
was finished and `trial.json` exists only for a finished trial. Durations are seconds, latencies
milliseconds, sizes bytes, rates messages per second; stamps are UTC. `None` means not available
(for instance the pool of a server that is not ours), never zero.
"""

from loadtests.results.ceilings import CeilingCell, CeilingCourse, CeilingRatio, Ceilings, CeilingWindow
from loadtests.results.configured import Arrivals, Cell, Client, Loop, Machine, Manifest, ServerVersions
from loadtests.results.faulty import FaultyMessages, MessageRange, which
from loadtests.results.files import RunFiles, TrialFiles
from loadtests.results.generator import (
    ErrorCount,
    Latency,
    Ledger,
    LoadResult,
    ProducerLedger,
    StageResult,
    WorkerShare,
    busiest,
    lost_workers,
    stage_name,
    transaction_id,
)
from loadtests.results.limits import MOST
from loadtests.results.storing import ResultError, read, read_trials, replace, write, write_samples
from loadtests.results.trial import (
    LATER_COLUMNS,
    QUEUE_MODE,
    Accounting,
    GroupAccount,
    Invalidity,
    MachineUse,
    PoolUse,
    Sample,
    Trial,
)
from loadtests.results.verdict import Accounted, accounted, how_read, unknowns
from loadtests.results.version import FORMAT

__all__ = [
    "FORMAT",
    "LATER_COLUMNS",
    "MOST",
    "QUEUE_MODE",
    "Accounted",
    "Accounting",
    "Arrivals",
    "CeilingCell",
    "CeilingCourse",
    "CeilingRatio",
    "CeilingWindow",
    "Ceilings",
    "Cell",
    "Client",
    "ErrorCount",
    "FaultyMessages",
    "GroupAccount",
    "Invalidity",
    "Latency",
    "Ledger",
    "LoadResult",
    "Loop",
    "Machine",
    "MachineUse",
    "Manifest",
    "MessageRange",
    "PoolUse",
    "ProducerLedger",
    "ResultError",
    "RunFiles",
    "Sample",
    "ServerVersions",
    "StageResult",
    "Trial",
    "TrialFiles",
    "WorkerShare",
    "accounted",
    "busiest",
    "how_read",
    "lost_workers",
    "read",
    "read_trials",
    "replace",
    "stage_name",
    "transaction_id",
    "unknowns",
    "which",
    "write",
    "write_samples",
]
