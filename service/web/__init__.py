"""HTTP: the app, its routes, and errors as problem details."""
