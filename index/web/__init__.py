"""Pages, feeds and sitemaps of the public web.

fetch → robots, courtesy (how politely), guard (whom), request, unpack, mime → webpage (an Article); what lists pages:
feed, sitemap; their addresses: weblinks
"""
