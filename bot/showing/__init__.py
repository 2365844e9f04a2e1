"""An answer as people see it, and what they may press.

evidence (a passage, the reasons), buttons (under an answer), results (what inline mode offers)
"""
