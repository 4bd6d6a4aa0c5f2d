"""Mistakes of the first minutes: what was sent, what the service says, and the request that follows from its words."""

from tests.serving import serving
from tests.support.mistakes import MISTAKES, words_of

INTRODUCTION = """Each request below was sent to a running server. The message has the word that repairs it (in
bold), and the request that was repaired by following the message alone was sent, too, and answered.
`tests/contract/test_mistakes.py` holds this.
"""


def report() -> str:
    """The table of all mistakes.

    Raises
    ------
    RuntimeError
        If a mistake is not refused, its message lacks the word, or its repair is not answered.
    """
    lines = ["| mistake | sent | status | message | repaired by | then |", "|---|---|---|---|---|---|"]
    with serving() as base:
        for mistake in MISTAKES:
            refused, repaired = mistake.sent.answered(base), mistake.repaired.answered(base)
            words = words_of(refused)
            if refused.status < 400 or mistake.word not in words or repaired.status not in (200, 201):
                raise RuntimeError(f"{mistake.name}: {refused.status}, {words}, then {repaired.status}")
            told = words.replace(mistake.word, f"**{mistake.word}**", 1).replace("|", "&#124;")
            cells = (mistake.name, mistake.shown, refused.status, told, mistake.shown_repaired, repaired.status)
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return f"{INTRODUCTION}\n{len(MISTAKES)} mistakes.\n\n" + "\n".join(lines)
