"""The one place that knows which engine this is."""

from typing import Final

ENGINE_VERSION: Final = "0.2.0"
