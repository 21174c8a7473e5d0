"""Brewster Appliances: a company of real servers and files, whose departments disagree as real ones do."""
