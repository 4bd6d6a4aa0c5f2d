"""Words that more than one floor uses, each an enumeration so that a typing slip is an error."""

from enum import StrEnum
from typing import Final


class Model(StrEnum):
    """What the parameters of a network are."""

    FEEDFORWARD = "feedforward"
    UNCONSTRAINED_FEATURES = "unconstrained_features"
    LINEAR_VAE = "linear_vae"


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
    SQUARED_HINGE = "squared_hinge"
    HUBER = "huber"
    ABSOLUTE = "absolute"
    QUANTILE = "quantile"
    POISSON = "poisson"


RELU_LOSSES: Final = frozenset({Loss.SQUARED_HINGE, Loss.HUBER, Loss.ABSOLUTE, Loss.QUANTILE, Loss.POISSON})
"""Losses that only the certified minima of ReLU networks know."""


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


class ReluVerdict(StrEnum):
    """What is known of given weights of a two-layer ReLU network, against networks of any width."""

    CERTIFIED = "certified"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


class NumberFormat(StrEnum):
    """In how many bits weights were stored."""

    DOUBLE = "double"
    SINGLE = "single"
    HALF = "half"
    BFLOAT16 = "bfloat16"


class ToleranceSource(StrEnum):
    """What decided up to which gradient a point counts as stationary."""

    ROUNDING = "rounding"
    PRECISION = "precision"
    MINIMUM = "minimum"
    REQUEST = "request"


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


class Property(StrEnum):
    """What is asked about the landscape of an objective; each is judged by itself."""

    NO_SPURIOUS_LOCAL_MINIMA = "no_spurious_local_minima"
    NO_SPURIOUS_VALLEYS = "no_spurious_valleys"
    NO_BAD_BASINS = "no_bad_basins"
    NO_BAD_STRICT_MINIMA = "no_bad_strict_minima"
    SPURIOUS_MINIMA_EXIST = "spurious_minima_exist"
    ALL_SADDLES_STRICT = "all_saddles_strict"
    SUBLEVEL_SETS_CONNECTED = "sublevel_sets_connected"
    MINIMUM_ATTAINED = "minimum_attained"
    DESCENT_PATH_TO_INFINITY = "descent_path_to_infinity"


class ExemptionKind(StrEnum):
    """Why no instance breaks one hypothesis alone."""

    IMPLIED_BY = "implied_by"
    NOT_DECIDABLE = "not_decidable"
    NOT_EXPRESSIBLE = "not_expressible"


class Dynamics(StrEnum):
    """How weights are found, as far as their ranks depend on it."""

    GRADIENT_FLOW = "gradient_flow"
    SGD = "sgd"
    GLOBAL_MINIMUM = "global_minimum"
    MINIMUM_NORM = "minimum_norm"


class InitialLoss(StrEnum):
    """What is known of the loss at the start of training, where it is not a number."""

    BELOW_CHANCE = "below_chance"
    UNKNOWN = "unknown"


class RankKind(StrEnum):
    """What sort of statement a rank is."""

    EXACT_LIMIT = "exact_limit"
    EXACT_MINIMUM = "exact_minimum"
    UPPER_LIMIT = "upper_limit"
    UPPER_STATIONARY = "upper_stationary"
    EPSILON_RANK = "epsilon_rank"
    AVERAGE_BOUND = "average_bound"
    INFORMATION = "information"
    SHAPE = "shape"
    GIVEN = "given"


class Conserved(StrEnum):
    """Which part of a node's balance matrix gradient flow keeps."""

    MATRIX = "matrix"
    BLOCKS = "blocks"
    DIAGONAL = "diagonal"
    NONE = "none"


class FlowStop(StrEnum):
    """Why a gradient flow ended."""

    REACHED = "reached"
    STATIONARY = "stationary"
    STALLED = "stalled"
    NOT_SEPARABLE = "not_separable"
    UNDEFINED = "undefined"
    EFFORT = "effort"


class FlowTime(StrEnum):
    """The parameter in which the path of a gradient flow is followed."""

    LOG_NORM = "log_norm"
    PLAIN = "plain"


class Precision(StrEnum):
    """Of products of large matrices; sums are always in double precision."""

    DOUBLE = "double"
    SINGLE = "single"


class Normalisation(StrEnum):
    """How long a random direction is."""

    FILTER = "filter"
    LAYER = "layer"
    UNIT = "unit"


class AxesFrom(StrEnum):
    """Where the directions of a plane come from."""

    RANDOM = "random"
    TRAJECTORY = "trajectory"


class SliceKind(StrEnum):
    """What part of the landscape is drawn."""

    PLANE = "plane"
    LINE = "line"
    INTERPOLATION = "interpolation"
    SHARPNESS = "sharpness"


class NamedPoint(StrEnum):
    """A point of the landscape that the service finds by itself."""

    GLOBAL_MINIMUM = "global_minimum"
    TRAINED = "trained"
    ORIGIN = "origin"


class SpectrumMethod(StrEnum):
    """How the spectrum of a Hessian is found."""

    AUTO = "auto"
    EXACT = "exact"
    LANCZOS = "lanczos"
