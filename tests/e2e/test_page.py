"""The pages in a real browser, as a person meets them: light and dark, no error, and a live answer."""

import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import call, serving
from tests.support.browser import BROWSER, MISSING, browse, rendered, text_of

LIGHT, DARK = (0xFB, 0xFA, 0xF7), (0x14, 0x18, 0x1F)

pytestmark = pytest.mark.skipif(BROWSER is None, reason=MISSING)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serving() as address:
        yield address


def first_pixel(picture: Path) -> tuple[int, int, int]:
    """Colour of the upper left corner of a PNG; its first pixel has no neighbours to be predicted from."""
    content, at, data = picture.read_bytes(), 8, b""
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        data += content[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    red, green, blue = zlib.decompress(data)[1:4]
    return red, green, blue


def test_the_start_page_shows_a_live_answer_and_the_command_that_repeats_it(base: str, tmp_path: Path) -> None:
    page = rendered(f"{base}/", tmp_path)
    text = text_of(page)
    answer = call(base, "POST", "/v1/minima", call(base, "GET", "/static/demo.json").content).json
    assert re.search(r"Answered in \d+ ms", text)
    assert f"{answer['global_minimum']['loss']:.9g}" in text
    assert "exact, certified" in text
    assert answer["problem_hash"][:19] in text
    assert f"curl -s {base}/v1/minima" in text
    assert 'href="docs"' in page


def test_the_profile_of_a_data_set_is_a_table_on_the_page(base: str, tmp_path: Path) -> None:
    content = b"day,colour,size,price\n" + b"".join(
        b"2020-01-%02d,%s,%d,%d\n" % (row + 1, (b"red", b"blue")[row % 2], row * row, 3 * row) for row in range(20)
    )
    found = call(base, "POST", "/v1/datasets", content, {"content-type": "text/csv"}).json
    told = call(base, "GET", f"/v1/datasets/{found['id']}").json
    page = rendered(f"{base}/#dataset={found['id']}", tmp_path)
    text = text_of(page)
    assert f"20 samples, {told['inputs']} inputs, 1 targets (csv)" in text
    table = page[page.index('id="columns"') :]
    assert len(told["file_columns"]) == 4
    for column in told["file_columns"]:
        assert f">{column['name']}</th><td>{column['kind']}</td>" in table
        assert column["done"] in text_of(table)
    gone = text_of(rendered(f"{base}/#dataset={'0' * 32}", tmp_path / "gone"))
    assert "The table was not read" in gone


def test_the_command_on_the_page_works_in_a_shell(base: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    markup = re.search(r"<code>(.*?)</code>", rendered(f"{base}/", tmp_path), re.DOTALL)
    assert markup
    command = markup[1].replace("&amp;", "&").replace("&quot;", '"')
    answer = subprocess.run(["sh", "-c", command], capture_output=True, check=True, text=True).stdout
    assert '"kind":"certified"' in answer


def test_the_start_page_is_readable_by_a_screen_reader(base: str, tmp_path: Path) -> None:
    page = rendered(f"{base}/", tmp_path)
    assert page.count("<h1") == 1
    assert "<main" in page
    assert page.count("<caption>") == page.count("<table>") == 3
    assert '<th scope="row">Loss</th>' in page
    assert 'role="status"' in page
    assert re.search(r'id="terms"[^>]*role="img"[^>]*aria-label="Parts of the loss: fit 0\.', page)
    assert re.search(r'class="skip" href="#answer"', page)
    assert "tabindex" not in page.replace('tabindex="0"', "")


@pytest.mark.parametrize(("mode", "colour"), [("light", LIGHT), ("dark", DARK)])
def test_light_and_dark(base: str, tmp_path: Path, mode: str, colour: tuple[int, int, int]) -> None:
    picture = tmp_path / "page.png"
    preference = ["--blink-settings=preferredColorScheme=" + ("0" if mode == "dark" else "1")]
    browse(f"{base}/", tmp_path, *preference, f"--screenshot={picture}", "--window-size=1000,1400")
    assert first_pixel(picture) == colour


def test_the_documentation_works_offline_under_its_policy(base: str, tmp_path: Path) -> None:
    page = rendered(f"{base}/docs", tmp_path)
    for path in ("/v1/minima", "/v1/minima/batch", "/v1/examples", "/v1/theorems", "/readyz"):
        assert f'data-path="{path}"' in page


def test_the_pages_of_errors(base: str, tmp_path: Path) -> None:
    assert "hypothesis that failed" in text_of(rendered(f"{base}/problems/not-covered", tmp_path))
