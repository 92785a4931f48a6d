"""What is pushed, and to where: batch, payload, queue, partitions, client."""

from locust.argument_parser import LocustArgumentParser
from msgspec import Struct

from loadtests.load.options.values import expect_distribution, expect_more_than_0
from loadtests.load.producing.distribution import parse_distribution
from loadtests.results import Client

ONE_PER_USER = 0
ALL_THE_SAME = ""
LEAST_PAYLOAD_BYTES = 2
QUEUE_PER_RUN = ""  # a run can be checked against its table only when nobody else wrote there


class BatchingOptions(Struct, frozen=True, kw_only=True):
    """As Locust's parser names them."""

    batch: int
    partitions: int
    payload_bytes: int
    payload_sizes: str
    queue: str
    client: Client

    def check(self) -> None:
        """Raise `OptionError` for a value that cannot be."""
        expect_more_than_0("--batch", self.batch)
        if self.payload_sizes:
            expect_distribution("--payload-sizes", self.payload_sizes)

    @property
    def mean_payload_bytes(self) -> int:
        """Of one message."""
        if self.payload_sizes:
            return max(LEAST_PAYLOAD_BYTES, round(parse_distribution(self.payload_sizes).mean))
        return self.payload_bytes


def add_arguments(parser: LocustArgumentParser, batch: int) -> None:
    """Add the options, with this default of the batch."""
    add = parser.add_argument
    add("--batch", type=int, default=batch, env_var="BATCH_SIZE", help="messages in one push")
    add(
        "--partitions",
        type=int,
        default=ONE_PER_USER,
        env_var="QUEEN_LOAD_PARTITIONS",
        help="partitions of the queue; 0: one per producer",
    )
    add(
        "--payload-bytes",
        type=int,
        default=300,
        env_var="QUEEN_LOAD_PAYLOAD_BYTES",
        help="size of one message",
    )
    add(
        "--payload-sizes",
        default=ALL_THE_SAME,
        env_var="QUEEN_LOAD_PAYLOAD_SIZES",
        help="sizes in bytes that differ, instead: 200-2000 or 100:0.9,10000:0.1; empty: all the same",
    )
    add(
        "--queue",
        default=QUEUE_PER_RUN,
        env_var="QUEEN_LOAD_QUEUE",
        help="name of the queue; empty: a new one for each run",
    )
    add(
        "--client",
        choices=["raw", "fast"],
        default="raw",
        env_var="QUEEN_LOAD_CLIENT",
        help="raw: plain sockets, highest load; fast: Locust's FastHttpUser",
    )
