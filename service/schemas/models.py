"""What answers about free features and variational autoencoders hold beside the standard parts."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Matrix, Number, Reasons, Wire


class ClassGeometry(Wire):
    """One class of the labels."""

    count: int = Field(description="Number of samples of the class.")
    learned: bool = Field(description="Whether its mean feature is other than zero (minority collapse if not).")
    feature_norm: Number | None = Field(
        description="Length of the one feature that all samples of the class share; null with a reason where "
        "weights do not attain the infimum."
    )
    collapse_decay_scale: Number | None = Field(
        description="Factor on all decays from which on the class is not learned; null with a reason where it is "
        "not known."
    )
    reasons: Reasons


class FeatureGeometry(Wire):
    """Neural collapse at the returned minimum; features are constant within a class, which is proved."""

    geometry: Literal["simplex_etf", "orthogonal_frame", "general", "collapsed"] = Field(
        description="Geometry of the class means: a simplex equiangular tight frame, orthogonal, neither, or all zero."
    )
    classes: list[ClassGeometry] = Field(description="The classes, in the order of `class_counts`.")
    count_threshold: Number | None = Field(
        description="Without a bias a class is learned if and only if it is among the largest that fit through "
        "the narrowest layer and has more samples than this; null with a reason elsewhere."
    )
    logits: Matrix = Field(description="K x K; column k holds the outputs for a sample of class k, bias included.")
    cosines: Matrix | None = Field(
        description="Cosines between the class means, zero where a mean is zero; null with a reason where weights "
        "do not attain the infimum."
    )
    reasons: Reasons


class Latent(Wire):
    """One latent of a variational autoencoder."""

    strength: Number = Field(description="Squared singular value of E[y x'] E[x x']^(-1/2) that it competes for.")
    active: bool = Field(description="False: posterior collapse, the latent equals the prior whatever the input.")
    collapse_beta: Number = Field(description="The beta from which on it has collapsed, at this decoder variance.")
    encoder_variance: Number = Field(description="Variance of the latent given the input; 1 is that of the prior.")
    decoder_norm: Number = Field(description="Norm of the column of the decoder that reads the latent.")


class Variational(Wire):
    """Posterior collapse at the returned minimum."""

    decoder_variance: Number = Field(description="Variance of the decoder's noise, given or learned.")
    decoder_variance_learned: bool = Field(description="Whether the variance was learned.")
    complete_collapse_beta: Number = Field(description="From this beta on no latent is active.")
    latents: list[Latent] = Field(description="The latents, the strongest first.")
