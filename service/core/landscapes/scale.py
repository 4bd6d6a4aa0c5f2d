"""In what size of the targets losses are compared: about their mean where a bias makes the mean free."""

from service.core.problems import Problem


def target_size(problem: Problem) -> float:
    """Mean square of the targets, about their mean where an output bias without decay takes it up.

    Notes
    -----
    With such a bias an offset of the targets changes no loss, and must not change what counts as equal either.
    """
    moments, network = problem.data, problem.network
    last = network.n_layers - 1
    free = network.has_bias(last) and not (network.bias_weight_decays and network.bias_weight_decays[last])
    if not free:
        return moments.yy
    if problem.samples is not None:
        y = problem.samples.y
        return float(((y - y.mean(axis=0)) ** 2).sum()) / len(y)
    if moments.y_mean is None:
        return moments.yy
    return max(moments.yy - float(moments.y_mean @ moments.y_mean), 0.0)
