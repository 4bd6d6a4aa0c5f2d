"""One running service for all tests of the contract."""

from collections.abc import Iterator

import pytest

from tests.serving import serving


@pytest.fixture(scope="session")
def base() -> Iterator[str]:
    with serving() as address:
        yield address
