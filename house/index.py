"""Where packages come from: pip's configuration, told to uv in uv's own words.

Mirrors, certificates and proxies are configured for pip on most machines that need them, and uv does
not read that. No address of an index stands in any file of the project.
"""

import ast
from collections.abc import Mapping

# pip's precedence, lowest first: a section of the configuration files, then the environment.
_SECTIONS = ("global", "install", ":env:")


def parse_pip_settings(listing: str) -> dict[str, str]:
    """Read the output of `pip config list` (`section.option='value'` a line) into option → value."""
    found: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        key, _, literal = line.partition("=")
        section, _, option = key.rpartition(".")
        if section not in _SECTIONS:
            continue
        rank = _SECTIONS.index(section)
        if rank >= found.get(option, (0, ""))[0]:
            found[option] = (rank, _unquoted(literal))
    return {option: value for option, (_, value) in found.items()}


def uv_environment(pip: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The whole environment in which uv uses the indexes that pip would; what the user set for uv wins.

    `pip` maps pip's options to their values, `environ` is the environment of this process. Like pip, uv
    shall take a package from whichever index has the wanted version: the hashes make that safe.
    """
    translated = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": " ".join(pip.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(pip.get("find-links", "").split()),
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": pip.get("timeout", pip.get("default-timeout", "")),
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_SYSTEM_CERTS": "true",
        "SSL_CERT_FILE": pip.get("cert", ""),
        "SSL_CLIENT_CERT": pip.get("client-cert", ""),
        "ALL_PROXY": pip.get("proxy", ""),
    }
    return {name: value for name, value in translated.items() if value} | dict(environ)


def uv_options(pip: Mapping[str, str]) -> list[str]:
    """What uv takes as an option only."""
    return ["--no-index"] if pip.get("no-index", "").lower() in ("1", "true", "yes", "on") else []


def for_locking(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for writing a lock: from the one default index, so that it serves other machines too.

    An extra index of this machine may hold fewer files of a release, and so fewer hashes.
    """
    own = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
    return {name: value for name, value in environ.items() if name not in own}


def _unquoted(literal: str) -> str:
    try:
        return str(ast.literal_eval(literal))
    except (ValueError, SyntaxError):
        return literal
