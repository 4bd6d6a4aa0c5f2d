"""The network of a problem."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Integer, Items, Matrix, Number, Wire
from service.vocabulary import Activation, Bias, Model, SkipKind


class DropoutNoise(Wire):
    """Dropout as deep learning frameworks do it (inverted): mean-one noise of variance rate / (1 - rate)."""

    kind: Literal["dropout"]
    rate: Number = Field(ge=0, lt=1, description="Probability that an output is dropped.")


class GaussianNoise(Wire):
    """Multiplicative noise of mean one."""

    kind: Literal["gaussian"]
    variance: Number = Field(ge=0, description="Variance of the factor.")


Noise: TypeAlias = Annotated[DropoutNoise | GaussianNoise, Field(discriminator="kind")]


class Layer(Wire):
    """One weight matrix and what follows it."""

    width: Integer = Field(ge=1, description="Number of outputs of the weight matrix.")
    activation: Activation = Field(default=Activation.LINEAR, strict=False)
    slope: Number | None = Field(default=None, description="Negative slope; for `leaky_relu` only.")
    weight_decay: Number = Field(default=0.0, ge=0, description="Factor of the squared norm of the weights.")
    noise: Noise | None = Field(default=None, description="Noise on the outputs; for hidden layers only.")
    frozen_weights: Matrix | None = Field(default=None, description="Width x inputs: a layer that is not trained.")
    kind: Literal["dense", "conv"] = Field(
        default="dense",
        description="`conv`: kernels shared between positions; only ranks and invariances support them.",
    )
    kernel: list[Annotated[Integer, Field(ge=1, le=10_000)]] | None = Field(
        default=None, min_length=1, max_length=3, description="Size of a kernel along each axis; for `conv` only."
    )
    channels: Integer | None = Field(
        default=None, ge=1, description="Feature maps of `width / channels` places in a row; for `conv` only."
    )
    in_channels: Integer | None = Field(
        default=None, ge=1, description="Feature maps that it reads; default: those of the `conv` before, else 1."
    )
    stride: Integer | None = Field(
        default=None, ge=1, description="Stride, default 1; the shared kernels do not depend on it."
    )


class Skip(Wire):
    """A connection between layer outputs; 0 is the input of the network."""

    source: Integer = Field(ge=0, alias="from")
    target: Integer = Field(ge=1, alias="to")
    kind: SkipKind = Field(strict=False)
    weight_decay: Number = Field(default=0.0, ge=0, description="Of a trainable skip's own weights.")


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
        description="Samples of each class; `unconstrained_features`.",
    )
    feature_weight_decay: Number | None = Field(
        default=None, gt=0, description="Factor of the squared norm of all features; `unconstrained_features`."
    )
    latent: Integer | None = Field(default=None, ge=1, description="Number of latents; `linear_vae`.")
    beta: Number | None = Field(
        default=None, gt=0, description="Weight of the divergence from the prior, default 1; `linear_vae`."
    )
    decoder_variance: Number | None = Field(
        default=None, gt=0, description="Variance of the decoder's noise; learned if it is left out; `linear_vae`."
    )
    layers: Items[Layer] = Field(min_length=1)
    input_noise: Noise | None = None
    bias: Bias = Field(default=Bias.NONE, strict=False, description="Which layers have a bias vector.")
    bias_weight_decay: Number | None = Field(
        default=None,
        ge=0,
        description="Default: 0; in the `torch` convention the layer's own weight decay, as PyTorch does.",
    )
    skips: Items[Skip] = []
