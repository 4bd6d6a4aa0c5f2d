"""Where there is a C compiler, the package is installed with its compiled kernel."""

import shutil

import pytest

from service.core.relu import kernel


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler: numpy bounds the cones")
def test_a_machine_with_a_compiler_has_the_kernel() -> None:
    assert kernel.KERNEL is not None, "install the package again: `make .venv/dev.stamp` compiles the changed source"
