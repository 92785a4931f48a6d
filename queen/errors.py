"""Every error that reaches a client or a user, one type per thing they can do about it.

A server error knows its HTTP status, its machine-readable code and its client-visible text, so that
no other room decides what a failure looks like. Whether a failed request may have been applied after
all is part of the type: `OutcomeUnknown` is the only error after which a message may be stored.
"""


class UserError(Exception):
    """Something the user of the command line must mend. The text is one line and says how."""


class SettingsError(UserError):
    """A setting has a bad value. The text names the variable, the value and what is expected."""


class QueenError(Exception):
    """Base of what a request can be refused with.

    `status` is the HTTP status, `code` the stable word for programs, `str(error)` the text for
    people, `retry_after_s` the pause to ask for (None: do not ask).
    """

    status: int = 500
    code: str = "internal"
    retry_after_s: int | None = None


class BadRequest(QueenError):
    """The request is wrong and will stay wrong: do not send it again."""

    status = 400
    code = "bad_request"


class Unauthorized(QueenError):
    """A token is required and this is not it."""

    status = 401
    code = "unauthorized"


class NotFound(QueenError):
    """No such route or no such thing."""

    status = 404
    code = "not_found"


class MethodNotAllowed(QueenError):
    """The path exists, the method does not. `allow` lists the methods that do."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__(f"method not allowed; allowed: {', '.join(allow)}")
        self.allow = allow


class QueueFull(QueenError):
    """The queue's backlog has reached its maxSize: nothing was stored, send it again later (RFC 6585 §4)."""

    status = 429
    code = "queue_full"
    retry_after_s = 1

    def __init__(self, queue: str, backlog: int, max_size: int) -> None:
        super().__init__(f"queue {queue!r} is full: {backlog} messages wait, maxSize is {max_size}")


class NotDone(QueenError):
    """Nothing was applied: the same request can be sent again, always safely."""

    status = 503
    code = "unavailable"
    retry_after_s = 1


class PoolTimeout(NotDone):
    """No connection became free within DB_CONNECTION_TIMEOUT (node-postgres' text, word for word)."""

    code = "pool_timeout"

    def __init__(self) -> None:
        super().__init__("timeout exceeded when trying to connect")


class DatabaseUnavailable(NotDone):
    """The database refused the connection or went away before the statement was sent."""

    code = "unavailable"


class Overloaded(NotDone):
    """A bound on memory, connections or waiters was reached."""

    code = "overloaded"


class ShuttingDown(NotDone):
    """The server is draining; another instance or a later try will take the request."""

    code = "shutting_down"


class StatementFailed(NotDone):
    """The database refused or rolled back the statement (disk full, deadlock after all retries, …)."""

    code = "statement_failed"


class DataRefused(StatementFailed):
    """The same for what the statement was to work on: with a part of that it may succeed."""


class OutcomeUnknown(QueenError):
    """The statement was sent and no answer came: it may have been applied.

    A retry is safe only with the same transactionIds; it is then answered `queued` or `duplicate`.
    """

    status = 503
    code = "outcome_unknown"
    retry_after_s = 1
