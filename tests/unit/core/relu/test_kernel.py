"""The compiled bounds of cones are those of numpy, hold on thin cones as well, and an outdated library is not used."""

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from service.core.relu import cones, edges, kernel
from service.core.relu.cones import SimplicialCones, bounded
from service.core.relu.edges import edges_of
from service.core.relu.rows import Span, WeightedRows
from service.core.relu.search import turned
from tests.support.relu_inputs import FAMILIES, SLOPES

# a compiler is no requirement of the package: without one the numpy form serves, and the other tests hold it
pytestmark = pytest.mark.skipif(kernel.KERNEL is None, reason="the package was built without a C compiler")

SOURCE = Path(kernel.__file__).with_name("cone_kernel.c")


def parts_of(rows: WeightedRows, rng: np.random.Generator, splits: int) -> SimplicialCones:
    """Cones that halvings of random edges lead to: the more, the thinner."""
    found = turned(rows)
    dimension = rows.x.shape[1]
    for _ in range(splits if dimension > 1 else 0):
        ends = np.array([rng.choice(dimension, 2, replace=False) for _ in range(len(found))])
        found = found.split(ends[:, 0], ends[:, 1])
        found = found[rng.permutation(len(found))[:40]]
    return found


def cases() -> list[tuple[str, float, int]]:
    return [(family, slope, splits) for family in FAMILIES for slope in SLOPES for splits in (0, 3, 25)]


@pytest.mark.parametrize(("family", "slope", "splits"), cases())
def test_both_forms_prove_bounds(family: str, slope: float, splits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(splits)
    for dimension in (2, 3, 5):
        x, errors = FAMILIES[family](rng, 13, dimension), rng.standard_normal(13)
        rows = Span.of(x).with_errors(errors, slope)
        if not rows.x.shape[1]:
            continue
        some = parts_of(rows, rng, splits)
        target = 0.5 * rows.crude_bound
        monkeypatch.setattr(cones, "KERNEL", kernel.KERNEL)
        compiled = bounded(rows, some, target)
        monkeypatch.setattr(cones, "KERNEL", None)
        plain = bounded(rows, some, target)
        inside = rng.exponential(size=(len(some), 200, rows.x.shape[1])) ** 3
        units = np.einsum("brk,bsk->bsr", some.generators, inside)
        units /= np.sqrt(np.square(units).sum(axis=2))[:, :, None]
        sampled = rows.correlation(units.reshape(-1, rows.x.shape[1])).reshape(len(some), -1).max(axis=1)
        for found in (compiled, plain):
            assert (sampled <= found.bound + rows.allowance).all()
            reached = rows.correlation(found.direction)
            assert np.abs(reached - np.where(found.direction.any(axis=1), found.value, 0.0)).max() <= rows.allowance
        if splits <= 3:
            assert compiled.bound == pytest.approx(plain.bound, rel=1e-6, abs=1e-6 * rows.crude_bound)


@pytest.mark.parametrize("splits", [0, 4])
def test_both_forms_split_where_interpolation_loses_most(splits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(splits)
    x, errors = rng.standard_normal((30, 4)), rng.standard_normal(30)
    rows = Span.of(x).with_errors(errors, 0.0)
    some = parts_of(rows, rng, splits)
    coordinates = rng.exponential(size=(len(some), 4))
    compiled = edges_of(rows, some, coordinates)
    monkeypatch.setattr(edges, "KERNEL", None)
    plain = edges_of(rows, some, coordinates)
    assert (compiled[0] == plain[0]).all()
    assert (compiled[1] == plain[1]).all()


def test_a_cone_without_volume_has_no_bound_but_infinity() -> None:
    rows = Span.of(np.eye(3)).with_errors(np.ones(3), 0.0)
    flat = SimplicialCones(np.ones((1, 3, 3)), np.full((1, 3, 3), np.nan))
    opposite = SimplicialCones(np.array([[[1.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]]), np.zeros((1, 3, 3)))
    for thin in (flat, opposite):
        found = bounded(rows, thin, 0.1)
        assert not found.bound[0] < found.value[0]


def test_a_library_of_another_source_is_not_used(tmp_path: Path) -> None:
    library = Path(kernel.__file__).with_name("libcone_kernel.so")
    assert kernel.load(library, SOURCE) is not None
    changed = tmp_path / "cone_kernel.c"
    changed.write_text(SOURCE.read_text() + "/* newer */\n")
    assert kernel.load(library, changed) is None
    assert kernel.load(tmp_path / "none.so", SOURCE) is None
    other = tmp_path / "other.so"
    other.write_bytes(b"no library")
    assert kernel.load(other, SOURCE) is None


# a kernel that was built elsewhere, as in a wheel, needs no compiler here
@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_source_compiles_without_a_warning(tmp_path: Path) -> None:
    digest = sha256(SOURCE.read_bytes()).hexdigest()
    flags = ["-O3", "-std=c11", "-ffp-contract=off", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    command = ["cc", *flags, f'-DSOURCE="{digest}"', "-o", str(tmp_path / "kernel.so"), str(SOURCE), "-lm"]
    subprocess.run(command, check=True, timeout=120)
    assert kernel.load(tmp_path / "kernel.so", SOURCE) is not None
