"""The ledger: our PostgreSQL memory of every claim ever observed, and the server it runs on."""
