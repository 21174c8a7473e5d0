"""Identity: what people decide about it, and what comes of that."""
