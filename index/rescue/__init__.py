"""Copies of the whole library.

backup, restore
"""
