"""A question, until it is answered.

followup, when, parts (what is asked) → retrieve, fuse (passages) → respond → answer, kinds, judge (sentences) →
compose, retell (claims)
"""
