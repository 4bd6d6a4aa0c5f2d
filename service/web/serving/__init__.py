"""From a listening socket to the app: HTTP with bounds, in one process or several."""
