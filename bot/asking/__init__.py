"""A question somebody asks, until they have its answer.

questions (in private; shared with groups) → answers (what becomes of one, and of its buttons); groups, inline (what is
typed after the bot's name), commands (/start, /help, and what is no question), suggest (questions to begin with)
"""
