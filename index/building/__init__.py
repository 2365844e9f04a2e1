"""A new revision from a collection of articles.

build, read (what is new or changed), ahead (what is read before its turn)
"""
