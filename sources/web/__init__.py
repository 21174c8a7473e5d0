"""Systems behind HTTP: a bounded client, walks over pages, and records in JSON; what REST, GraphQL and plugins share."""
