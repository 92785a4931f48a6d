"""Wheels that a test makes itself, so that installing needs no network. Standard library only.

A copy of this file is also the build backend of the checkout that the tests install.
"""

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

TAG = "py3-none-any"


def write_wheel(directory: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """Write `<name>-<version>-py3-none-any.whl` with these files (path in the wheel → content)."""
    information = f"{name}-{version}.dist-info"
    contents = {
        **files,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{information}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {TAG}\n",
    }
    record = "".join(f"{path},{_record_hash(text)},{len(text.encode())}\n" for path, text in contents.items())
    wheel = directory / f"{name}-{version}-{TAG}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in contents.items():
            member = zipfile.ZipInfo(path)
            member.external_attr = 0o100755 << 16  # pip takes over the right to execute
            archive.writestr(member, text)
        archive.writestr(f"{information}/RECORD", record + f"{information}/RECORD,,\n")
    return wheel


def lock_lines(wheel: Path) -> str:
    """The wheel as a lock names it: one requirement and its hash."""
    name, version, *_ = wheel.name.split("-")
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def build_editable(wheel_directory: str, *_: object) -> str:
    """Build an editable wheel of the project `checkout` (PEP 660)."""
    return write_wheel(Path(wheel_directory), "checkout", "1", {"checkout.pth": f"{Path.cwd()}\n"}).name


def _record_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
