"""Reads what may be hostile in processes that can do little.

parsers (a few processes) → parsing (what one does), in what confine leaves it; what they say to each other: parcel
"""
