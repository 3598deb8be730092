"""Alignment: proposals for a taxonomy that nobody has mapped yet, honest about what they are, and the measures of how good they are.

In: a taxonomy (or any two lists). Out: SSSOM proposals for a person to review. Nothing here writes a label; nothing that writes labels imports it.
"""
