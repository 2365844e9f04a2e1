"""A message on its way out.

say (one function sends), attempt (what has been sent for this update), notice (a message that is edited while something
goes on) → pace (as fast as Telegram allows) → wire (HTTP)
"""
