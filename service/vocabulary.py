"""Words that more than one floor uses, each an enumeration so that a typing slip is an error."""

from enum import StrEnum


class Activation(StrEnum):
    """What follows a weight matrix."""

    LINEAR = "linear"
    RELU = "relu"
    LEAKY_RELU = "leaky_relu"
    TANH = "tanh"
    SIGMOID = "sigmoid"
    SOFTPLUS = "softplus"
    QUADRATIC = "quadratic"


class Bias(StrEnum):
    """Which layers have a bias vector."""

    NONE = "none"
    ALL = "all"
    HIDDEN = "hidden"
    OUTPUT = "output"


class SkipKind(StrEnum):
    """How a skip connection joins the stream."""

    IDENTITY = "identity"
    TRAINABLE = "trainable"
    DIAGONAL = "diagonal"
    CONCATENATE = "concatenate"


class Loss(StrEnum):
    """The data term for one sample."""

    SQUARED = "squared"
    WEIGHTED_SQUARED = "weighted_squared"
    LOGISTIC = "logistic"
    EXPONENTIAL = "exponential"
    CROSS_ENTROPY = "cross_entropy"


class Convention(StrEnum):
    """How an objective scales its data term; see ``docs/theory/conventions.md``."""

    MEAN = "mean"
    HALF_MEAN = "half_mean"
    SUM = "sum"
    HALF_SUM = "half_sum"
    TORCH = "torch"


class Task(StrEnum):
    """What the targets are."""

    REGRESSION = "regression"
    CLASSIFICATION = "classification"


class Status(StrEnum):
    """How sure an answer is: closed form, numeric with a closed gap, or a value with an honest gap."""

    EXACT = "exact"
    CERTIFIED = "certified"
    BOUNDED = "bounded"


class Evidence(StrEnum):
    """The three words for how something is known, never mixed."""

    PROVED = "proved"
    CERTIFIED = "certified"
    OBSERVED = "observed"


class PointKind(StrEnum):
    """Where a stationary point comes from."""

    ORIGIN = "origin"
    BRANCH = "branch"
    SUBNETWORK = "subnetwork"
    SINGULAR_SUBSET = "singular_subset"


class PointClass(StrEnum):
    """What a point of the landscape is."""

    GLOBAL_MINIMUM = "global_minimum"
    LOCAL_MINIMUM = "local_minimum"
    STRICT_SADDLE = "strict_saddle"
    NON_STRICT_SADDLE = "non_strict_saddle"
    DEGENERATE = "degenerate"
    NOT_STATIONARY = "not_stationary"


class TheoremStatus(StrEnum):
    """Life cycle of a theorem in the catalogue."""

    PROVED = "proved"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    SUPERSEDED = "superseded"


class SweepParameter(StrEnum):
    """What is varied while the data stay the same."""

    DECAY_SCALE = "decay_scale"
    WEIGHT_DECAY = "weight_decay"
    NOISE_VARIANCE = "noise_variance"
    WIDTH = "width"
    DEPTH = "depth"


class Initialisation(StrEnum):
    """How the weights are drawn before training; new ones go last, since seeds count from here."""

    XAVIER = "xavier"
    KAIMING = "kaiming"
    ORTHOGONAL = "orthogonal"
    SCALED_IDENTITY = "scaled_identity"
    BALANCED_SMALL = "balanced_small"


class Optimiser(StrEnum):
    """What trains the weights; new ones go last, since seeds count from here."""

    GD = "gd"
    SGD = "sgd"
    ADAM = "adam"
    ADAMW = "adamw"
    LBFGS = "lbfgs"


class Outcome(StrEnum):
    """Where a run of an optimiser ended."""

    MINIMUM = "minimum"
    ORIGIN = "origin"
    OTHER_STATIONARY_POINT = "other_stationary_point"
    UNFINISHED = "unfinished"
    DIVERGED = "diverged"
    DIFFERENT_OBJECTIVE = "different_objective"
