"""``python -m app.cli`` is ``whence``."""

from app.cli import main

main()
