"""What people get wrong in their first minutes is refused with the word that repairs it, and the repair is answered."""

import pytest

from tests.support.mistakes import MISTAKES, Mistake, words_of


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_following_the_message_leads_to_an_answer(mistake: Mistake, base: str) -> None:
    refused = mistake.sent.answered(base)
    assert refused.status in (400, 415, 422)
    assert mistake.word in words_of(refused)
    assert mistake.repaired.answered(base).status in (200, 201)


def test_there_are_twenty_of_them() -> None:
    assert len({mistake.name for mistake in MISTAKES}) >= 20
