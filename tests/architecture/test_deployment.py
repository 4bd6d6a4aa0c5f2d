"""Laws of what `docker compose up` starts, and of the image; neither needs a container daemon."""

import re
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final[Mapping[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: Final[Mapping[str, Mapping[str, Any]]] = COMPOSE["services"]
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UNITS: Final = {"m": 2**20, "g": 2**30}
DEFAULT: Final = re.compile(r"\$\{\w+:-([^}]+)\}")
SIZED: Final = re.compile(r"/[\w/]+:size=(\d+)([mg]),mode=1777")


def volumes_of(name: str) -> set[str]:
    return {volume.split(":")[0] for volume in SERVICES[name].get("volumes", ())}


def size(text: str) -> int:
    return int(text[:-1]) * UNITS[text[-1]]


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_bounded_and_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["memswap_limit"] == service["mem_limit"]
    assert float(DEFAULT.sub(r"\1", str(service["cpus"]))) > 0
    assert int(service["pids_limit"]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    sizes = [SIZED.fullmatch(place) for place in service["tmpfs"]]
    assert all(sizes)
    # what lies there is memory of the service
    assert sum(size(found[1] + found[2]) for found in sizes if found) < size(service["mem_limit"])


@pytest.mark.parametrize("name", SERVICES)
def test_each_role_sees_its_own_keys_alone(name: str) -> None:
    keys = {volume for volume in volumes_of(name) if volume.endswith("-keys")}
    everybodys = {volume for volume in COMPOSE["volumes"] if volume.endswith("-keys")}
    expected = {"keys": everybodys, "proxy": set()}.get(name, {f"{name}-keys"})
    assert keys == expected
    if name != "keys":
        assert all(volume.endswith(":/keys:ro") for volume in SERVICES[name].get("volumes", ()) if "-keys:" in volume)


def test_only_the_api_reaches_the_database() -> None:
    on_its_network = {name for name, service in SERVICES.items() if "store" in service.get("networks", ())}
    assert on_its_network == {"api", "database"}
    told = {name for name, service in SERVICES.items() if "MINIMA_DATABASE_URL" in service.get("environment", {})}
    assert told == {"api"}


def test_only_the_proxy_is_published_and_stands_on_a_network_that_leads_outside() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"proxy"}
    outside = {name for name, network in COMPOSE["networks"].items() if not (network or {}).get("internal")}
    reaching = {name for name, service in SERVICES.items() if outside & set(service.get("networks", ()))}
    assert (outside, reaching) == ({"outside"}, {"proxy"})
    assert all(service.get("networks") or service.get("network_mode") == "none" for service in SERVICES.values())


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "database"])
def test_the_first_process_ends_when_told_and_reaps_orphans(name: str) -> None:
    service = SERVICES[name]
    first = service.get("entrypoint", ["tini"])[0]
    assert first == "tini" or service.get("init") is True


def test_the_image_starts_with_an_init_process_and_its_health_check_follows_the_port() -> None:
    assert 'ENTRYPOINT ["tini", "-s", "--", "minima"]' in DOCKERFILE
    health = DOCKERFILE[DOCKERFILE.index("HEALTHCHECK") :]
    assert "os.environ['MINIMA_PORT']" in health
    assert "MINIMA_PORT=8000" in DOCKERFILE


def test_every_variable_of_compose_is_documented() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    used = dict(re.findall(r"\$\{(\w+):-([^}]+)\}", text))
    document = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert used.items() == dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", document, re.MULTILINE)).items()


def test_pruning_keeps_what_runs(tmp_path: Path) -> None:
    kept = {"numpy/__init__.py", "numpy/testing/__init__.py", "pyarrow/libarrow.so.1", "pyarrow/_parquet.x.so"}
    gone = {
        "numpy/tests/test_a.py", "numpy/linalg/tests/deep/b.py", "dask/__pycache__/old.pyc", "a/b.pyx", "a/include.h",
        "pyarrow/libarrow_flight.so.1", "pyarrow/_flight.x.so", "pyarrow/include/c.txt",
    }  # fmt: skip
    for name in kept | gone:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    runpy.run_path(str(ROOT / "deploy" / "image" / "prune.py"))["prune"](tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == kept
