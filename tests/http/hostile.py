"""Hostile and broken requests, each with the status it must get: the table for parser and socket alike."""

from queen.http.limits import Limits

LIMITS = Limits(request_line_bytes=200, header_bytes=1000, headers=10, body_bytes=50)

HOST = b"Host: a\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED: dict[str, tuple[int, bytes]] = {
    # request smuggling: two readings of one length
    "length and transfer-encoding": (
        400,
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "transfer-encoding and length": (
        400,
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    ),
    "two different lengths": (400, POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    "two equal lengths": (400, POST + b"Content-Length: 3\r\ncontent-length: 3\r\n\r\nabc"),
    "list of lengths": (400, POST + b"Content-Length: 3, 3\r\n\r\nabc"),
    "signed length": (400, POST + b"Content-Length: +3\r\n\r\nabc"),
    "hexadecimal length": (400, POST + b"Content-Length: 0x3\r\n\r\nabc"),
    "empty length": (400, POST + b"Content-Length:\r\n\r\n"),
    "length in other digits": (400, POST + "Content-Length: ٣\r\n\r\nabc".encode()),
    "chunked twice": (400, POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "two transfer-encodings": (
        400,
        POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "empty transfer-encoding": (400, POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
    "transfer-encoding in 1.0": (
        400,
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "gzip before chunked": (501, POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "transfer-encoding identity": (501, POST + b"Transfer-Encoding: identity\r\n\r\n"),
    "transfer-encoding xchunked": (501, POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    # chunks
    **{
        f"chunk size {what}": (400, CHUNKED + size + b"\r\nabc\r\n0\r\n\r\n")
        for what, size in {
            "not hexadecimal": b"xyz",
            "with prefix": b"0x3",
            "negative": b"-3",
            "with space": b"3 ",
            "empty": b"",
            "of 17 digits": b"0" * 16 + b"3",
        }.items()
    },
    "chunk longer than its size": (400, CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n"),
    "chunk lines with bare LF": (400, CHUNKED + b"3\nabc\n0\n\n"),
    "chunk end with bare LF": (400, CHUNKED + b"3\r\nabc\n0\r\n\r\n"),
    "chunk extension without end": (400, CHUNKED + b"3;" + b"x" * 2000),
    "trailer malformed": (400, CHUNKED + b"0\r\nno colon\r\n\r\n"),
    "trailers too long": (431, CHUNKED + b"0\r\n" + b"X: yyyyyyyyyy\r\n" * 200),
    # lines
    "bare LF after the request line": (400, b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    "bare LF everywhere": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "bare LF after a field": (400, GET + b"X: y\nZ: z\r\n\r\n"),
    "bare LF as empty line": (400, GET + b"X: y\r\n\n"),
    "bare CR in a field": (400, GET + b"X: y\rZ: z\r\n\r\n"),
    "space before the colon": (400, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    "space before the first field": (400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    "obs-fold": (400, GET + b"X: y\r\n z\r\n\r\n"),
    "field without colon": (400, GET + b"X\r\n\r\n"),
    "field without name": (400, GET + b": x\r\n\r\n"),
    "NUL in a value": (400, GET + b"X: a\0b\r\n\r\n"),
    "control character in a value": (400, GET + b"X: a\x01b\r\n\r\n"),
    # host
    "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two hosts": (400, GET + b"host: b\r\n\r\n"),
    "host with a path": (400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    "host with credentials": (400, b"GET / HTTP/1.1\r\nHost: me@a\r\n\r\n"),
    # request line
    "HTTP/0.9": (400, b"GET /\r\n\r\n"),
    "HTTP/2.0": (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    "HTTP/2 preface": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "lower-case protocol": (400, b"GET / http/1.1\r\nHost: a\r\n\r\n"),
    "two spaces": (400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "tabs": (400, b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"),
    "space in the target": (400, b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "fragment": (400, b"GET /#top HTTP/1.1\r\nHost: a\r\n\r\n"),
    "invalid UTF-8 in the target": (400, b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n"),
    "TLS handshake": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    "two empty lines first": (400, b"\r\n\r\n" + GET + b"\r\n"),
    # limits
    "request line too long": (414, b"GET /" + b"a" * 200 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    "request line without end": (414, b"GET /" + b"a" * 10_000),
    "header line too long": (431, GET + b"X: " + b"y" * 1000 + b"\r\n\r\n"),
    "header section without end": (431, GET + b"X: y\r\n" * 1000),
    "too many fields": (431, GET + b"X: y\r\n" * 10 + b"\r\n"),
    "body too large by length": (413, POST + b"Content-Length: 51\r\n\r\n"),
    "length of 5,000 digits": (431, POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"),
    "length of 30 digits": (413, POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n"),
    "body too large by one chunk": (413, CHUNKED + b"33\r\n"),
    "body too large by many chunks": (413, CHUNKED + b"a\r\n0123456789\r\n" * 6),
    "chunk of 16 digits": (413, CHUNKED + b"ffffffffffffffff\r\n"),
    # semantics that the layer decides
    "compressed body": (415, POST + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
    "unknown expectation": (417, POST + b"Expect: 200-ok\r\nContent-Length: 3\r\n\r\n"),
    "HTTP/1.0 body without length": (411, b"POST / HTTP/1.0\r\n\r\n"),
}
