"""What must be the same on server, scheduler and workers for results to be the same."""

import platform
from importlib.metadata import version
from typing import Final

from service.version import ENGINE_VERSION

VERSIONS: Final = ", ".join(
    [
        f"engine {ENGINE_VERSION}",
        f"python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in ("numpy", "scipy", "distributed")),
    ]
)
