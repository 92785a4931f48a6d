"""What one HTTP connection may cost: bytes and time. Nothing in this room has a limit of its own."""

import msgspec

from queen.settings import Settings


class Limits(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Bounds of one connection; sizes in bytes, durations in seconds. Two are equal when they are one."""

    request_line_bytes: int = 8 * 1024  # without its CRLF
    header_bytes: int = 16 * 1024  # the whole section, each line with its CRLF
    headers: int = 100  # field lines
    body_bytes: int = 64 * 1024 * 1024
    header_timeout_s: float = 10.0  # from the first byte of a head to its last
    body_timeout_s: float = 30.0  # without a byte of the body arriving, or of the answer leaving
    keep_alive_timeout_s: float = 75.0  # without a request

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the settings ask for."""
        return cls(
            request_line_bytes=settings.max_request_line_bytes,
            header_bytes=settings.max_header_bytes,
            headers=settings.max_headers,
            body_bytes=settings.max_body_bytes,
            header_timeout_s=settings.header_timeout / 1000,
            body_timeout_s=settings.body_timeout / 1000,
            keep_alive_timeout_s=settings.keep_alive_timeout / 1000,
        )
