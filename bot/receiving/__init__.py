"""An update on its way in.

poll, or listen (a webhook) → the inbox of `store` → dispatch (taken in turn); limits (how much one person may ask)
"""
