"""Workers that keep sources in sync: sharing, stopping, being paused and killed, and outages."""
