"""Headless Chromium for tests."""

import re
import shutil
import subprocess
from pathlib import Path

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = "no Chromium on this machine (apt-get install chromium)"
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=8000",
)


def browse(address: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    assert BROWSER
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [BROWSER, *OPTIONS, profile, "--enable-logging=stderr", "--v=0", *options, address]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def rendered(address: str, folder: Path) -> str:
    """The page after its scripts have run; fails if the browser's console has an error."""
    seen = browse(address, folder, "--dump-dom")
    console = [line for line in seen.stderr.splitlines() if "CONSOLE" in line]
    assert console == []
    return seen.stdout


def text_of(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup))
