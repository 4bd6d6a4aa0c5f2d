"""Build step of the package: compile ``cone_kernel.c`` where there is a C compiler.

Without one the package is complete, and searches of ReLU networks take about six times as long.
"""

import os
import shlex
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FLAGS = ("-O3", "-std=c11", "-ffp-contract=off", "-shared", "-fPIC")
"""Nothing that changes what an operation on doubles means: bounds are proved for IEEE arithmetic."""


class KernelHook(BuildHookInterface):  # type: ignore[type-arg]  # the parameter is of no use here
    """Puts ``libcone_kernel.so`` beside its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; ``version`` is ``standard`` or ``editable``."""
        del version
        source = Path(self.root) / "service" / "core" / "relu" / "cone_kernel.c"
        library = source.with_name("libcone_kernel.so")
        digest = sha256(source.read_bytes()).hexdigest()
        compiler = shlex.split(os.environ.get("CC", "cc"))
        command = [*compiler, *FLAGS, f'-DSOURCE="{digest}"', "-o", str(library), str(source), "-lm"]
        library.unlink(missing_ok=True)
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603 - the caller's compiler
        except (OSError, subprocess.SubprocessError) as error:
            self.app.display_warning(f"no compiled kernel, searches of ReLU networks are slower: {error}")
            return
        build_data["artifacts"].append(str(library.relative_to(self.root)))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
