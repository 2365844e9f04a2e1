"""How things are written in Telegram. Pure.

render (words into messages that Telegram takes), fragment (links to the very sentence)
"""
