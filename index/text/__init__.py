"""Text, whatever it came from: what language it is in, and how it is cut. Pure.

language → sentences → chunk (passages); analyse (the words that it is found by)
"""
