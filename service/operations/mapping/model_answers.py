"""What is special to free features and variational autoencoders, to the wire."""

from typing import Any

from service.core.models.linear_vae import LinearVae
from service.core.models.unconstrained_features import FeatureGeometry
from service.core.models.vae_minima import VaeMinima


def features(geometry: FeatureGeometry) -> dict[str, Any]:
    """Classes, thresholds and frame; no convention enters."""
    return {
        "geometry": geometry.kind,
        "classes": [
            {
                "count": item.count,
                "learned": item.learned,
                "feature_norm": item.feature_norm,
                "collapse_decay_scale": item.collapse_decay_scale,
                "reasons": item.reasons,
            }
            for item in geometry.classes
        ],
        "count_threshold": geometry.count_threshold,
        "logits": geometry.logits.tolist(),
        "cosines": None if geometry.cosines is None else geometry.cosines.tolist(),
        "reasons": geometry.reasons,
    }


def variational(model: LinearVae, found: VaeMinima) -> dict[str, Any]:
    """Latents and their thresholds."""
    return {
        "decoder_variance": found.decoder_variance,
        "decoder_variance_learned": model.decoder_variance is None,
        "complete_collapse_beta": max(latent.collapse_beta for latent in found.latents),
        "latents": [
            {
                "strength": latent.strength,
                "active": latent.active,
                "collapse_beta": latent.collapse_beta,
                "encoder_variance": latent.encoder_variance,
                "decoder_norm": latent.decoder_norm,
            }
            for latent in found.latents
        ],
    }
