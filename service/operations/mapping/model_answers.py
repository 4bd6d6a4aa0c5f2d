"""What is special to free features and variational autoencoders, to the wire."""

from service.core.models.linear_vae import LinearVae
from service.core.models.unconstrained_features import FeatureGeometry
from service.core.models.vae_minima import VaeMinima
from service.schemas import models as wire


def features(geometry: FeatureGeometry) -> wire.FeatureGeometry:
    """Classes, thresholds and frame; no convention enters."""
    return wire.FeatureGeometry(
        geometry=geometry.kind,
        classes=[
            wire.ClassGeometry(
                count=item.count,
                learned=item.learned,
                feature_norm=item.feature_norm,
                collapse_decay_scale=item.collapse_decay_scale,
                reasons=dict(item.reasons),
            )
            for item in geometry.classes
        ],
        count_threshold=geometry.count_threshold,
        logits=geometry.logits.tolist(),
        cosines=None if geometry.cosines is None else geometry.cosines.tolist(),
        reasons=dict(geometry.reasons),
    )


def variational(model: LinearVae, found: VaeMinima) -> wire.Variational:
    """Latents and their thresholds."""
    return wire.Variational(
        decoder_variance=found.decoder_variance,
        decoder_variance_learned=model.decoder_variance is None,
        complete_collapse_beta=max(latent.collapse_beta for latent in found.latents),
        latents=[
            wire.Latent(
                strength=latent.strength,
                active=latent.active,
                collapse_beta=latent.collapse_beta,
                encoder_variance=latent.encoder_variance,
                decoder_norm=latent.decoder_norm,
            )
            for latent in found.latents
        ],
    )
