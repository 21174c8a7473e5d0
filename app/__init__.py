"""Whence, run: settings, wiring, the HTTP face, the worker and the command line."""
