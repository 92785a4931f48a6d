"""What is pushed, and to where: batch, payload, queue, partitions, client."""

from locust.argument_parser import LocustArgumentParser
from msgspec import Struct

from loadtests.load.options.values import expect_more_than_0
from loadtests.results import Client

ONE_PER_USER = 0
QUEUE_PER_RUN = ""  # a run can be checked against its table only when nobody else wrote there


class BatchingOptions(Struct, frozen=True, kw_only=True):
    """As Locust's parser names them."""

    batch: int
    partitions: int
    payload_bytes: int
    queue: str
    client: Client

    def check(self) -> None:
        """Raise `OptionError` for a value that cannot be."""
        expect_more_than_0("--batch", self.batch)


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
