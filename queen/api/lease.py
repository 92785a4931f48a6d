"""POST /api/v1/lease/{leaseId}/extend: more time for a consumer that still works."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from queen.api.codec import Decoder, answer, milliseconds
from queen.core.deadline import StartDeadline
from queen.core.store import Extension, Store
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route

_DEFAULT_S = 60
_LONGEST_S = 7 * 24 * 3600


class Body(Struct):
    """The request; it may be missing."""

    seconds: Annotated[int, Meta(ge=1, le=_LONGEST_S)] = _DEFAULT_S


class Extended(Struct, rename="camel"):
    """The answer: the lease's new end by every name that clients read it by. `renewed` counts partitions."""

    lease_id: str
    success: bool
    renewed: int
    new_expires_at: str | None
    expires_at: str | None
    lease_expires_at: str | None = field(name="lease_expires_at")
    error: str | None


_DECODER = Decoder(Body, {"seconds": f"seconds must be a whole number from 1 to {_LONGEST_S}"})


class LeaseResource:
    """The lease endpoint."""

    def __init__(self, store: Store, deadline: StartDeadline) -> None:
        self._store = store
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoint."""
        operation = Operation(
            "Extend a lease, on every partition that it holds", {200: Extended}, body=Body, body_optional=True
        )
        return [Route("POST", "/api/v1/lease/{leaseId}/extend", self.extend, operation)]

    async def extend(self, request: Request) -> Response:
        """200; `success` says whether the lease lived. Its end never moves backwards."""
        body: Body = _DECODER.decode(request.body) if request.body else Body()
        lease_id = request.params[0]
        try:
            lease = UUID(lease_id)
        except ValueError:
            return answer(_answer(lease_id, Extension(held=0, extended=0, expires_at=None)))
        extension = await self._store.extend(lease, body.seconds, self._deadline())
        return answer(_answer(lease_id, extension))


def _answer(lease_id: str, extension: Extension) -> Extended:
    until = milliseconds(extension.expires_at)
    error = None
    if not extension.extended:
        error = "Lease already expired" if extension.held else "Lease not found"
    return Extended(
        lease_id=lease_id,
        success=error is None,
        renewed=extension.extended,
        new_expires_at=until,
        expires_at=until,
        lease_expires_at=until,
        error=error,
    )
