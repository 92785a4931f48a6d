"""Refusals of the HTTP layer itself: the bytes are not a request this server takes.

One type per thing the sender can do about it. After any of them the connection is closed: where one
request is malformed, the start of the next one cannot be known (RFC 9112 §11.2, request smuggling).
"""

from queen.errors import QueenError


class ProtocolError(QueenError):
    """The framing is broken: mend the client."""

    status = 400
    code = "bad_request"


class RequestTimeout(ProtocolError):
    """The request did not arrive in time: send it faster (RFC 9110 §15.5.9)."""

    status = 408
    code = "request_timeout"


class LengthRequired(ProtocolError):
    """An HTTP/1.0 request with a body must say how long it is (RFC 1945 §7.2.2, RFC 9110 §15.5.12)."""

    status = 411
    code = "length_required"


class BodyTooLarge(ProtocolError):
    """The body is over MAX_BODY_BYTES: send less at once (RFC 9110 §15.5.14)."""

    status = 413
    code = "body_too_large"


class RequestLineTooLong(ProtocolError):
    """The request line is over MAX_REQUEST_LINE_BYTES (RFC 9110 §15.5.15)."""

    status = 414
    code = "uri_too_long"


class UnsupportedEncoding(ProtocolError):
    """The body is compressed: send it as it is (RFC 9110 §8.4, §15.5.16)."""

    status = 415
    code = "unsupported_encoding"


class ExpectationFailed(ProtocolError):
    """An expectation other than 100-continue (RFC 9110 §10.1.1, §15.5.18)."""

    status = 417
    code = "expectation_failed"


class HeadersTooLarge(ProtocolError):
    """The header section is over MAX_HEADER_BYTES or MAX_HEADERS (RFC 6585 §5)."""

    status = 431
    code = "headers_too_large"


class UnknownTransferCoding(ProtocolError):
    """A transfer coding other than chunked (RFC 9112 §6.1)."""

    status = 501
    code = "unknown_transfer_coding"


class VersionNotSupported(ProtocolError):
    """A major version other than 1 (RFC 9110 §15.6.6)."""

    status = 505
    code = "version_not_supported"
