"""Tests of the ledger and of the server it runs on."""
