"""A page of pictures and numbers: a file beside the pictures, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path


@dataclass(frozen=True)
class Exhibit:
    """A picture of a page.

    Attributes
    ----------
    path : Path
        The file, in the directory of the page.
    title : str
        What stands above it.
    what : str
        What is to be seen, in a few words.
    alt : str
        The picture in words, for those who do not see it.
    """

    path: Path
    title: str
    what: str
    alt: str


@dataclass(frozen=True)
class Link:
    """A file that a page leads to, and what it is."""

    path: Path
    title: str
    what: str


_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --quiet: #59636e; --page: #ffffff;
  --panel: #f6f8fa; --line: #d1d9e0; --link: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9da7b1; --page: #0d1117;
  --panel: #161b22; --line: #3d444d; --link: #6cb6ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
header, main { max-width: 76rem; margin: 0 auto; padding: 1.25rem clamp(0.9rem, 3vw, 2rem); }
header { padding-bottom: 0; }
h1 { font-size: clamp(1.4rem, 4vw, 2rem); line-height: 1.2; margin: 0.4rem 0; }
h2 { font-size: 1.15rem; margin: 0 0 0.3rem; }
p { margin: 0.3rem 0 0.8rem; max-width: 60rem; overflow-wrap: break-word; }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18.5rem), 1fr));
  gap: 0.75rem; margin: 0.8rem 0 1.6rem; }
dl > div { background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: 0.6rem 0.9rem; }
dt { color: var(--quiet); font-size: 0.9rem; }
dd { margin: 0; font-size: 1.1rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0.5rem 0 1.8rem; padding: 0; }
li { margin: 0.5rem 0; }
.pictures { columns: 2 28rem; column-gap: 1.6rem; }
.pictures > section { break-inside: avoid; padding-bottom: 1.6rem; }
figure { margin: 0; padding: 0.75rem; background: #ffffff; border: 1px solid var(--line);
  border-radius: 8px; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
"""


def page(
    title: str,
    introduction: str,
    numbers: Mapping[str, str],
    links: Sequence[Link],
    exhibits: Iterable[Exhibit],
) -> str:
    """Return a page of HTML.

    Parameters
    ----------
    title, introduction : str
        What the page is about.
    numbers : mapping of str to str
        What was measured, and how much it was.
    links : sequence of Link
        Other files beside the page.
    exhibits : iterable of Exhibit
        The pictures, in their order.

    Returns
    -------
    str
        The page; every text of it is escaped.

    Examples
    --------
    >>> "<h1>1 &lt; 2</h1>" in page("1 < 2", "", {}, [], [])
    True
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<p>{escape(introduction)}</p>
</header>
<main>
{_numbers(numbers)}{_links(links)}<div class="pictures">
{"".join(map(_exhibit, exhibits))}</div>
</main>
</body>
</html>
"""


def _numbers(numbers: Mapping[str, str]) -> str:
    if not numbers:
        return ""
    rows = [
        f"<div><dt>{escape(name)}</dt><dd>{escape(number)}</dd></div>\n"
        for name, number in numbers.items()
    ]
    return f"<h2>Numbers</h2>\n<dl>\n{''.join(rows)}</dl>\n"


def _links(links: Sequence[Link]) -> str:
    if not links:
        return ""
    rows = [
        f'<li><a href="{escape(link.path.name)}">{escape(link.title)}</a>: '
        f"{escape(link.what)}</li>\n"
        for link in links
    ]
    return f"<h2>To go on</h2>\n<ul>\n{''.join(rows)}</ul>\n"


def _exhibit(exhibit: Exhibit) -> str:
    """A picture, which is also a link to itself: there it may be enlarged."""
    file = escape(exhibit.path.name)
    what = exhibit.what[:1].upper() + exhibit.what[1:]
    return f"""<section>
<h2>{escape(exhibit.title)}</h2>
<p>{escape(what)}.</p>
<figure><a href="{file}"><img src="{file}" alt="{escape(exhibit.alt)}"></a></figure>
</section>
"""
