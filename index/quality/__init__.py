"""How good the answers are.

evaluate (a set of questions), calibrate (fits a judge), risk (where to refuse)
"""
