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
