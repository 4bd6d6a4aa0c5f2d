"""A compression on a terminal: a line for each layer."""

import io

from rich.console import Console

from service.cli.asking import answered
from service.cli.printed.compression import print_compression
from service.operations.asking import ask
from service.schemas.compression import EXAMPLES, CompressedAnswer
from service.settings import Limits


def test_each_layer_has_its_rank_or_is_kept() -> None:
    found = answered(ask("compression", EXAMPLES["two layers within a budget"], Limits()), Limits())
    answer, shown = CompressedAnswer.model_validate_json(found), io.StringIO()
    print_compression(answer, Console(file=shown, width=140))
    lines = shown.getvalue().splitlines()
    for layer in answer.layers:
        (line,) = [line for line in lines if line.strip().startswith(layer.name)]
        assert ("as it is" in line) == layer.kept_dense
        assert f"{layer.error:.4g}" in line
