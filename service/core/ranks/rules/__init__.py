"""One rank rule, or close family, a file; the catalogue lists them."""
