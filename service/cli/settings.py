"""The settings of a command: an error of one line for a wrong one, a warning for a variable that is none."""

import difflib
import os
from collections.abc import Iterator
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource

from service.cli.errors import CommandError
from service.settings import Settings

PREFIX: Final = "MINIMA_"
OPTIONS: Final = ("port",)
"""Options of a command that have a variable, too."""
OF_TESTS: Final = "MINIMA_TEST_"


def load_settings(**changed: Any) -> Settings:
    """Settings of the environment, some of them changed; `CommandError` names each that is not valid."""
    try:
        return Settings(**changed)
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
        wrong = "; ".join(f"{PREFIX}{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}" for item in items)
        raise CommandError(f"a setting is not valid: {wrong}") from None


def unknown_settings() -> Iterator[str]:
    """What to say of each variable, of the environment or of `.env`, that looks like a setting and is none."""
    known = [f"{PREFIX}{name.upper()}" for name in (*Settings.model_fields, *OPTIONS)]
    given = {name.upper() for name in (*os.environ, *DotEnvSettingsSource(Settings).env_vars)}
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in known and not name.startswith(OF_TESTS):
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            yield f"{name} is not a setting and changes nothing; the nearest one is {nearest[0]}"
