"""Matching: pure, so its tests need nothing but records."""
