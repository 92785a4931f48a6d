"""What a sweep refuses to begin with."""

from pathlib import Path

import pytest

from loadtests.sweep.runner import require_space
from queen.errors import UserError


def test_a_full_disk_is_one_line_that_names_the_directory(tmp_path: Path) -> None:
    require_space([tmp_path], least_free_bytes=0)
    with pytest.raises(UserError, match=f"^{tmp_path}: .* GB free, a sweep needs 1000000000 GB$"):
        require_space([tmp_path], least_free_bytes=10**18)
