"""Answers with one field changed: what `verify` says of each kind of change to each field of every solver's answer."""

from collections import Counter

from tests.support.altered_answers import ALIKE, SLOW, answer_to, changes, chosen, outcome_of
from tests.support.answered_problems import PROBLEMS


def report() -> str:
    """All changes to all answers, by what came of them."""
    lines = [
        "One field of a right answer is changed and the file given to `verify`: deleted, null, of another type,",
        "another word of the schema, sign, a part in a million, one more, zero, tiny, huge, `NaN` as text, flipped,",
        "lists longer, shorter or empty. Refused means an `InputError` that names the field. A change passes only",
        "where the field is `not_covered`, the number is rounding, or the weights stand for the same network; anything",
        "else, and any other exception, would have stopped this report. Of changes alike in entries of one list the",
        f"first is tried and every {ALIKE}th after it; of answers that took a search a fifth of these.",
        "",
        "| answer to | solver | changes | refused | a field disagrees | incomplete | passes |",
        "|---|---|---|---|---|---|---|",
    ]
    total: Counter[str] = Counter()
    possible = 0
    for name in PROBLEMS:
        document = answer_to(name)
        possible += len(changes(document))
        tried = chosen(document)[:: 5 if name in SLOW else 1]
        counts = Counter(outcome_of(document, change) for change in tried)
        total += counts
        lines.append(f"| {name} | `{document['solver']}` | {_row(counts)} |")
    return "\n".join([*lines, f"| all | | {_row(total)} |", "", f"There are {possible:,} changes of these kinds."])


def _row(counts: Counter[str]) -> str:
    columns = (counts.total(), *(counts[name] for name in ("refused", "disagrees", "incomplete", "agrees")))
    return " | ".join(f"{count:,}" for count in columns)
