"""The settings of a command, with an error of one line for a wrong one."""

from typing import Any

from pydantic import ValidationError

from service.cli.errors import CommandError
from service.settings import Settings


def load_settings(**changed: Any) -> Settings:
    """Settings of the environment, some of them changed; `CommandError` names each that is not valid."""
    try:
        return Settings(**changed)
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
        wrong = "; ".join(f"MINIMA_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}" for item in items)
        raise CommandError(f"a setting is not valid: {wrong}") from None
