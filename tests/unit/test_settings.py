from pathlib import Path

import pytest

from service.settings import Settings

ROOT = Path(__file__).parents[2]


def shown(default: object) -> str:
    if default is None or default == ():
        return "none"
    return "empty" if default == "" else str(default).lower() if isinstance(default, bool) else str(default)


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        row = next(line for line in page.splitlines() if f"`MINIMA_{name.upper()}`" in line)
        assert field.description
        assert field.description in row
        assert f"`{shown(field.default)}`" in row
    assert page.count("| `MINIMA_") == len(Settings.model_fields)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMA_API_KEYS", "first-key, second-key,")
    monkeypatch.setenv("MINIMA_MAX_INPUTS", "7")
    settings = Settings()
    assert [key.get_secret_value() for key in settings.api_keys] == ["first-key", "second-key"]
    assert settings.max_inputs == 7
    assert "first-key" not in repr(settings)


def test_a_wrong_setting_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMA_MAX_INPUTS", "many")
    with pytest.raises(ValueError, match="max_inputs"):
        Settings()


LISTS_AND_OPTIONS = [name for name, field in Settings.model_fields.items() if field.default in ((), None)]


@pytest.mark.parametrize("empty", ["", " ", ",", " , ,"])
@pytest.mark.parametrize("name", LISTS_AND_OPTIONS)
def test_what_is_set_but_empty_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, empty: str) -> None:
    """Keys that somebody meant to set, and that are none, must not open the service."""
    monkeypatch.setenv(f"MINIMA_{name.upper()}", empty)
    with pytest.raises(ValueError, match=rf"{name}\n.*is set but empty"):
        Settings()


def test_every_secret_may_not_be_empty() -> None:
    secrets = {name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}
    assert secrets <= set(LISTS_AND_OPTIONS)
