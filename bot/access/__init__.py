"""Who may use the bot, and whether they mean it.

gate (asked before everything), arrivals (the bot is brought into a chat, or put out), mention (what is meant for it in
a group)
"""
