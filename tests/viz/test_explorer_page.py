"""The page itself: what is in it, what it refuses, and where it is written."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import autograd_mini as ad
from autograd_mini import Value
from viz import Explorer, explore
from viz.explorer.assembly import assemble, joined


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text of its scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "title": []}
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in self.texts:
            self.texts[self._open][-1] += data

    @property
    def graph(self) -> dict[str, Any]:
        return json.loads(self.texts["script"][0])  # type: ignore[no-any-return]


def product() -> Value:
    y = Value(2.0, "a") * Value(3.0, "b")
    y.label = "y"
    return y


def test_the_graph_is_in_the_page() -> None:
    a = Value(2.0, "a")
    y = ad.exp(a * a) + 1
    graph = Page(explore(y).html).graph
    assert [node["op"] for node in graph["nodes"]] == ["", "mul", "exp", "constant", "add"]
    assert [node["parents"] for node in graph["nodes"]] == [[], [0, 0], [1], [], [2, 3]]
    assert graph["nodes"][1]["local"] == [2.0, 2.0]
    assert graph["nodes"][2]["data"] == math.exp(4.0)
    assert graph["roots"] == [4]


def test_several_roots_are_each_there_once() -> None:
    a = Value(2.0, "a")
    y, z = a * 2, a * 3
    assert len(Page(explore([y, z, y]).html).graph["roots"]) == 2


def test_numbers_that_json_cannot_hold() -> None:
    nodes = Page(explore([Value(math.inf), Value(-math.inf), Value(math.nan)]).html).graph["nodes"]
    assert [node["data"] for node in nodes] == ["inf", "-inf", "nan"]


@pytest.mark.parametrize("label", ["</script><script>", "<!--", "\u2028", "a\x00b", "\ud800"])
def test_a_label_stays_inside_its_text(label: str, tmp_path: Path) -> None:
    plain, given = Page(explore(Value(1.0, "a")).html), Page(explore(Value(1.0, label)).html)
    assert [tag for tag, _ in given.elements] == [tag for tag, _ in plain.elements]
    assert given.graph["nodes"][0]["label"] == label
    assert explore(Value(1.0, label), tmp_path / "page.html").path is not None


def test_a_long_label_is_cut() -> None:
    (node,) = Page(explore(Value(1.0, "x" * 10_000)).html).graph["nodes"]
    assert len(node["label"]) == 1_000


def test_the_policy_allows_only_what_is_in_the_page() -> None:
    page = Page(explore(product()).html)
    policy = next(
        attributes["content"] or ""
        for tag, attributes in page.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    _, *scripts = page.texts["script"]  # the first is the graph: data, which nothing runs
    for text in (*scripts, *page.texts["style"]):
        digest = hashlib.sha256(text.encode()).digest()
        assert f"'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert len(re.findall("sha256-", policy)) == len(scripts) + 1


def test_nothing_comes_from_elsewhere() -> None:
    for tag, attributes in Page(explore(product()).html).elements:
        assert "src" not in attributes
        assert (attributes.get("href") or "data:").startswith("data:"), tag
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_a_page_of_200_nodes_is_small() -> None:
    total = ad.sum([Value(i, f"layers.0.neurons.{i}.weights") * 2.0 for i in range(66)])
    page = explore(total).html
    assert len(Page(page).graph["nodes"]) == 199
    assert len(page.encode()) < 500_000


def test_the_file_is_the_page(tmp_path: Path) -> None:
    page = explore(product(), tmp_path / "page.html")
    assert page.path == tmp_path / "page.html"
    assert page.path.read_text(encoding="utf-8") == page.html
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
    assert explore(product(), str(tmp_path / "page.htm")).path == tmp_path / "page.htm"


def test_the_same_graph_gives_the_same_page() -> None:
    assert explore(product()).html == explore(product()).html


def test_notebooks_show_it_in_a_frame() -> None:
    page = explore(product(), title='"quoted" & <b>')
    (tag, attributes), *rest = Page(page._repr_html_()).elements
    assert tag == "iframe"
    assert rest == []
    assert attributes["srcdoc"] == page.html
    assert attributes["sandbox"] == "allow-scripts"
    assert attributes["title"]
    assert len(repr(page)) < 100


def test_a_page_holds_the_rows_that_its_graph_needs(register: Callable[..., object]) -> None:
    derivative = "(sigmoid(x) + silu(x) * sigmoid(-x)) / 2"
    register("half_silu", "x", "silu(x) / 2", [derivative], [(-1.0, 1.0)])
    root = ad.core.recording.apply("half_silu", Value(1.0, "x"))
    script = Page(explore(root).html).texts["script"][-1]
    rows = re.findall(r'^  "(\w+)": \{$', script, re.MULTILINE)
    assert rows == ["sigmoid", "silu", "half_silu"]


def test_the_title_counts_the_roots_that_it_does_not_name() -> None:
    a = Value(2.0, "a")
    roots = [a * i for i in range(5)]

    def title() -> str:
        return Page(explore(roots).html).texts["title"][0]

    assert title() == "Backward pass"
    roots[2].label = "lonely"
    assert title() == "Backward pass of lonely and 4 more"
    for root, label in zip(roots, "pqrst", strict=True):
        root.label = label
    assert title() == "Backward pass of p, q, r and 2 more"


@pytest.mark.parametrize(
    ("title", "shown"),
    [(None, "Backward pass of y"), ("<b>", "<b>"), ("\ud800", "?"), ("", "")],
)
def test_the_title(title: str | None, shown: str) -> None:
    page = Page(explore(product(), title=title).html)
    assert page.texts["title"] == [shown]


def test_a_graph_that_is_too_large_is_refused(tmp_path: Path) -> None:
    total = Value(0.0)
    for _ in range(600):
        total = total + 1.0
    with pytest.raises(ValueError, match=r"1,201 values, more than max_nodes=500.*max_nodes=1201"):
        explore(total, tmp_path / "page.html")
    assert [*tmp_path.iterdir()] == []
    assert isinstance(explore(total, max_nodes=2_000), Explorer)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3.0,), TypeError, "root must be a Value or a sequence of Values, got float"),
        (([],), ValueError, "got an empty list"),
        ((product(), "page.svg"), ValueError, "must end in .html, got 'page.svg'"),
        ((product(), ""), ValueError, "must end in .html, got ''"),
        ((product(), 3), TypeError, "path must be a str or a Path, got int"),
        ((product(), "missing/page.html"), FileNotFoundError, "'missing' does not exist"),
    ],
)
def test_what_is_refused(
    arguments: tuple[Any, ...],
    error: type[Exception],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=re.escape(message)):
        explore(*arguments)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("options", "error"),
    [({"max_nodes": 0}, ValueError), ({"max_nodes": 1.5}, TypeError), ({"title": 3}, TypeError)],
)
def test_options_are_checked(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        explore(product(), **options)


def test_modules_that_cannot_be_joined() -> None:
    circle = {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'}
    with pytest.raises(ValueError, match=r"circle: a\.js -> b\.js -> a\.js"):
        joined(circle, "a.js")
    with pytest.raises(ValueError, match=r"b\.js does not export b"):
        joined({"a.js": circle["a.js"], "b.js": "const b = 1;\n"}, "a.js")
    for text in ('import * as b from "./b.js";\n', "export default 1;\n", "export { a };\n"):
        with pytest.raises(ValueError, match="cannot be joined"):
            joined({"a.js": text}, "a.js")


def test_names_of_two_modules_never_meet() -> None:
    text = joined(
        {
            "a.js": 'import { b as c } from "./b.js";\nconst x = c;\n',
            "b.js": "const x = 1;\nexport const b = x;\n",
        },
        "a.js",
    )
    assert "const { b: c } = b_js;" in text
    assert text.index("const b_js") < text.index("const a_js")


def test_a_script_that_ends_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="</script"):
        assemble("", None, {"app.js": 'const text = "</script>";\n'})


def test_parameters_bear_their_textbook_names() -> None:
    weight = Value(1.0, "layers.0.neurons.1.weights.2")
    node = Page(explore(weight * Value(2.0, "x")).html).graph["nodes"][0]
    assert (node["name"], node["label"]) == ("w¹₂₃", "layers.0.neurons.1.weights.2")
