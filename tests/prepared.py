"""Imported by the process from which those that read articles are forked: what they would do first is done."""

from index.reading import parsing

parsing.prepare()
