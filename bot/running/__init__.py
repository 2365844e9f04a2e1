"""What the bot needs of its process. Knows no message.

threads (work beside the event loop; they keep the language), heap (what the allocator gives back), lately (what is
remembered for a while), metrics (counts and times), web (health and metrics over HTTP)
"""
