"""A server may open as many files as its user may, whatever the limit that it is started under."""

import subprocess
import sys

from service.cli.serve import OPEN_FILES

ASKED = """
import resource
from service.cli.serve import allow_open_files

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
allow_open_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_the_limit_is_raised() -> None:
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)
    soft, hard = done.stdout.split()
    assert int(soft) == (OPEN_FILES if int(hard) < 0 else min(int(hard), OPEN_FILES))
