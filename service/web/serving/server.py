"""How uvicorn serves the app."""

from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI

from service.settings import Settings


def server_config(app: FastAPI | Callable[[], FastAPI], settings: Settings, **more: Any) -> uvicorn.Config:
    """uvicorn's configuration for an app, or for what makes one in each of several processes.

    Headers of proxies are the app's own matter, see `service.web.addresses`.
    """
    return uvicorn.Config(
        app,
        http="service.web.serving.protocol:BoundedHttp",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.idle_s,
        timeout_graceful_shutdown=settings.shutdown_grace_s,
        **more,
    )
