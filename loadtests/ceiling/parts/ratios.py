"""The default part: our server beside what its own database can do, one ratio for each promise of speed."""

from loadtests.ceiling.cells.direct import DirectWrite
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.part import Part
from loadtests.ceiling.servers import ServerConfig
from loadtests.results import CeilingRatio

SERVER = ServerConfig()
PUSH_100 = HttpPush(SERVER, batch=100, connections=64)
FLUSH_100 = DirectWrite(SERVER, "flush", 100)

PART = Part(
    name="ratios",
    help="the server over what its database can do, a ratio for each promise",
    cells=(PUSH_100, FLUSH_100),
    ratios=(
        CeilingRatio(
            key="push-over-flush",
            label="push, batch 100 / the 100-row flush statement",
            of=PUSH_100.key,
            base=(FLUSH_100.key,),
            wanted=1.0,
        ),
    ),
)
