"""Read Markdown and the YAML front matter above it. Knows nothing of Articles; HTML inside Markdown is read as HTML."""

import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from index.errors import SourceError
from index.formats.block import Block, Facts
from index.formats.extract_html import blocks, parse

if TYPE_CHECKING:
    from markdown_it.token import Token

KEYS = {
    "title": ("title",),
    "date": ("date", "published", "pubdate"),
    "source": ("source", "outlet", "publisher", "site"),
    "url": ("url", "link", "canonical"),
    "author": ("author", "authors"),
    "language": ("language", "lang"),
}
"""What a writer may call each fact, the most exact name first."""

# Two dashed lines further apart are breaks between sections: PyYAML reads about 100 KB a second.
_FRONT_MATTER = re.compile(r"\s*^---[ \t]*\n(.{0,65536}?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_OPENED = re.compile(rf"\s*---[ \t]*\n[ \t]*(?:{'|'.join(sum(KEYS.values(), ()))})[ \t]*:", re.IGNORECASE)


def front_matter(text: str) -> tuple[Facts, str]:
    """Split off the YAML block a text begins with. Raises SourceError, with the line, if it is broken."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        if _OPENED.match(text):
            msg = "has broken front matter: it begins with --- but never ends"
            raise SourceError(msg)
        return {}, text
    if ":" not in match[1]:  # a paragraph between two breaks
        return {}, text
    fields = _mapping(match[1], first_line=text.count("\n", 0, match.start(1)) + 1)
    if fields is None:
        return {}, text
    facts = {fact: [fields[key] for key in names if key in fields] for fact, names in KEYS.items()}
    return facts, text[match.end() :]


def _mapping(block: str, *, first_line: int) -> dict[str, str] | None:
    """Return the scalars of a YAML mapping as they are written, keys in lower case; None if it is something else.

    Of a list of scalars, as several authors are, a text with commas.
    """
    import yaml  # noqa: PLC0415

    try:
        # BaseLoader keeps every scalar a string: no date that does not exist, no `No` that becomes False.
        fields = yaml.load(block, Loader=yaml.BaseLoader)  # noqa: S506  it builds strings, lists and mappings only
    except yaml.MarkedYAMLError as exc:
        line = first_line + (exc.problem_mark.line if exc.problem_mark else 0)
        msg = f"has broken front matter: {exc.problem or 'not YAML'}, line {line}"
        raise SourceError(msg) from exc
    except yaml.reader.ReaderError as exc:
        line = first_line + block.count("\n", 0, exc.position)
        msg = f"has broken front matter: a character that YAML does not allow, line {line}"
        raise SourceError(msg) from exc
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        msg = f"has broken front matter: not YAML, line {first_line}"
        raise SourceError(msg) from exc
    if not isinstance(fields, dict):
        return None
    listed = {key: ", ".join(value) for key, value in fields.items() if _is_list(value)}
    scalars = {key.lower(): value for key, value in (fields | listed).items() if isinstance(value, str)}
    return {key: value for key, value in scalars.items() if value.lower() not in ("", "~", "null")}


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def markdown_blocks(text: str) -> list[Block]:
    """Return the paragraphs, headings, list items and table rows of a Markdown text as plain words."""
    from markdown_it import MarkdownIt  # noqa: PLC0415
    from markdown_it.renderer import RendererHTML  # noqa: PLC0415

    class Renderer(RendererHTML):
        """Keeps a stray tag of the writer's from swallowing the text after it."""

        def html_inline(self, tokens: Sequence["Token"], index: int, *_: object) -> str:
            tag = tokens[index].content
            return tag if re.match(r"<(?:br|img)\b", tag, re.IGNORECASE) else ""

        def html_block(self, tokens: Sequence["Token"], index: int, *_: object) -> str:
            return "".join(map(_as_html, blocks(parse(tokens[index].content), page=False)))

    # CommonMark's preset reads 20 levels deep and drops the rest; 100 is what markdown-it's own default reads.
    reader = MarkdownIt("commonmark", {"maxNesting": 100}, renderer_cls=Renderer).enable(["table", "strikethrough"])
    return blocks(parse(reader.render(text)), page=False)


def _as_html(block: Block) -> str:
    tag = f"h{block.level}" if block.level else "p"
    words = escape(block.words).replace("\n", "<br>")
    return f"<{tag}>{words}</{tag}>"
