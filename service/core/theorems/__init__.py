"""One theorem, or one close family, a file; `service.core.catalogue` lists them."""
