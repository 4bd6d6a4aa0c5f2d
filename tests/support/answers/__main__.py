"""Store the answers anew, or compare those of two checkouts to the bit.

``python -m tests.support.answers store`` and ``python -m tests.support.answers compare OTHER [CHECKOUT]``.
"""

import sys
from pathlib import Path

from tests.support.answers import kept as keeping
from tests.support.answers.asking import answers_of
from tests.support.answers.comparing import bit_differences
from tests.support.answers.questions import questions

SHOWN = 40


def main(arguments: list[str]) -> int:
    """Exit status 0 if everything was stored or is equal."""
    match arguments:
        case ["store"]:
            return store()
        case ["compare", other, *rest]:
            return compare(Path(other).resolve(), Path(rest[0]).resolve() if rest else keeping.ROOT)
    print(__doc__, file=sys.stderr)
    return 2


def store() -> int:
    """Ask everything and keep it, unless answers of a released version would change."""
    recorded = keeping.record()
    lines: list[str] = []
    if keeping.FILE.exists():
        before = keeping.load()
        lines = keeping.changed(before, keeping.still_asked(before, recorded))
        version = recorded.engine_version
        words_only = all(line.startswith("words of ") for line in lines)
        if before.engine_version == version and not words_only and keeping.is_released(version):
            _show(lines)
            print(f"engine {version} is released, and its answers changed: raise the version first", file=sys.stderr)
            return 1
    _show(lines)
    keeping.save(recorded)
    print(f"{len(recorded.answers)} answers of engine {recorded.engine_version} are kept")
    return 0


def compare(other: Path, checkout: Path) -> int:
    """Ask two checkouts on this machine; every bit of every answer counts, none is left aside."""
    asked = questions()
    one, two = (answers_of(place, asked) for place in (other, checkout))
    found = {name: bit_differences(one[name], two[name]) for name in one}
    numbers = [f"{name}: {each}" for name, differences in found.items() for each in differences if not each.wording]
    words = [f"words of {name}: {each}" for name, differences in found.items() for each in differences if each.wording]
    _show([*numbers, *words])
    equal = sum(not differences for differences in found.values())
    worded = sum(bool(differences) and all(each.wording for each in differences) for differences in found.values())
    print(
        f"{equal} of {len(one)} answers are equal to the bit, {worded} more but for sentences: {other} and {checkout}"
    )
    return 1 if numbers or words else 0


def _show(lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        print(line)
    if len(lines) > SHOWN:
        print(f"... and {len(lines) - SHOWN} more")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
