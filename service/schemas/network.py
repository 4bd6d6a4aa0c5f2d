"""The network of a problem."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Integer, Items, Matrix, Number, Wire
from service.vocabulary import Activation, Bias, Model, SkipKind


class DropoutNoise(Wire):
    """Dropout as deep learning frameworks do it (inverted): mean-one noise of variance rate / (1 - rate)."""

    kind: Literal["dropout"] = Field(description="The noise is dropout.")
    rate: Number = Field(ge=0, lt=1, description="Probability that an output is dropped.")


class GaussianNoise(Wire):
    """Multiplicative noise of mean one."""

    kind: Literal["gaussian"] = Field(description="The noise multiplies by normal factors of mean 1.")
    variance: Number = Field(ge=0, description="Variance of the factor.")


Noise: TypeAlias = Annotated[DropoutNoise | GaussianNoise, Field(discriminator="kind")]


class Layer(Wire):
    """One weight matrix and what follows it."""

    width: Integer = Field(ge=1, description="Number of outputs of the weight matrix.")
    activation: Activation = Field(
        default=Activation.LINEAR, strict=False, description="The function that is applied to each output of the layer."
    )
    slope: Number | None = Field(
        default=None, description="Slope of `leaky_relu` for negative inputs; for `leaky_relu` only."
    )
    weight_decay: Number = Field(default=0.0, ge=0, description="Factor of the squared Frobenius norm of the weights.")
    noise: Noise | None = Field(
        default=None, description="Multiplicative noise on the outputs; for hidden layers only."
    )
    frozen_weights: Matrix | None = Field(
        default=None,
        description="Weights of a layer that is not trained, width x inputs; left out: the layer is trained.",
    )
    kind: Literal["dense", "conv"] = Field(
        default="dense",
        description="`conv`: kernels shared between positions; only ranks, invariances and landscapes support them.",
    )
    kernel: list[Annotated[Integer, Field(ge=1, le=10_000)]] | None = Field(
        default=None, min_length=1, max_length=3, description="Size of a kernel along each axis; for `conv` only."
    )
    channels: Integer | None = Field(
        default=None, ge=1, description="Feature maps of `width / channels` places in a row; for `conv` only."
    )
    in_channels: Integer | None = Field(
        default=None,
        ge=1,
        description="Number of feature maps that the layer reads; default: those of the `conv` before it, else 1.",
    )
    stride: Integer | None = Field(
        default=None,
        ge=1,
        description="Step between positions of a kernel, default 1; the shared kernels do not depend on it.",
    )


class Skip(Wire):
    """A connection between layer outputs; 0 is the input of the network."""

    source: Integer = Field(
        ge=0, alias="from", description="The layer whose output is passed on, from 1; 0 is the input of the network."
    )
    target: Integer = Field(ge=1, alias="to", description="The layer whose output it joins, from 1.")
    kind: SkipKind = Field(strict=False, description="How the skip acts on what it carries.")
    weight_decay: Number = Field(
        default=0.0, ge=0, description="Factor of the squared norm of a trainable skip's own weights."
    )


class Network(Wire):
    """A network; the last layer is the output."""

    model: Model = Field(
        default=Model.FEEDFORWARD,
        strict=False,
        description="`unconstrained_features`: the layers are a head on free features, one for each sample, of "
        "`data.inputs` entries. `linear_vae`: the one layer is the output of the decoder.",
    )
    class_counts: list[Annotated[Integer, Field(ge=1, le=10**12)]] | None = Field(
        default=None,
        min_length=1,
        max_length=10_000,
        fail_fast=True,
        description="Number of samples of each class; for `unconstrained_features` only.",
    )
    feature_weight_decay: Number | None = Field(
        default=None, gt=0, description="Factor of the squared norm of all features; for `unconstrained_features` only."
    )
    latent: Integer | None = Field(default=None, ge=1, description="Number of latents; for `linear_vae` only.")
    beta: Number | None = Field(
        default=None, gt=0, description="Weight of the divergence from the prior, default 1; for `linear_vae` only."
    )
    decoder_variance: Number | None = Field(
        default=None,
        gt=0,
        description="Variance of the decoder's noise; left out: it is learned. For `linear_vae` only.",
    )
    layers: Items[Layer] = Field(min_length=1, description="The layers, from the input to the output.")
    input_noise: Noise | None = Field(default=None, description="Multiplicative noise on the inputs; left out: none.")
    bias: Bias = Field(default=Bias.NONE, strict=False, description="The layers that have a bias vector.")
    bias_weight_decay: Number | None = Field(
        default=None,
        ge=0,
        description="Weight decay of the biases. Default: 0; in the `torch` convention the layer's own weight "
        "decay, as PyTorch does.",
    )
    skips: Items[Skip] = Field(default=[], description="Connections that pass over layers.")
