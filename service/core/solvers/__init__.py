"""One closed form or certified method a file; `service.core.catalogue` lists them."""
