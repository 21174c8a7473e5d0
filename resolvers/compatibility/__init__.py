"""Compatibility: does this go with that, what does the answer rest on, and whose question is it where nobody knows?"""
