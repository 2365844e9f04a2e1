"""Where articles come from.

collection (all that belongs to a library): folders → sources, survey; the web → gather → holdings; by hand → acquire
"""
