"""The playground as a person uses it: expressions typed into the page, against the engine."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from autograd_mini import Value
from autograd_mini.command.expression import ExpressionError, parse_expression
from autograd_mini.core.value import Constant
from tests.viz import node, typed
from tests.viz.browser import Visits
from viz.explorer.build import PLAYGROUND

if TYPE_CHECKING:
    from playwright.sync_api import Page

EXPRESSIONS = 200
CANCELS = 1e-3  # sums of terms near 1 may come out smaller than their rounding's share of 1e-12


@pytest.fixture
def page(visit: Visits) -> Page:
    return visit(PLAYGROUND.read_text(encoding="utf-8"))


def shown(page: Page) -> dict[str, tuple[float, float]]:
    """What the page shows now."""
    return read(page.locator(".node > title").all_text_contents())


def read(titles: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Value and gradient of every node that has a name, to the last digit."""
    found = {}
    for title in titles:
        numbers = dict(re.findall(r"^(data|grad) (\S+)$", title, re.MULTILINE))
        if "grad" in numbers:
            name = title.split("\n")[0]
            found[name] = (_read(numbers["data"]), _read(numbers["grad"]))
    return found


def _read(text: str) -> float:
    return float(text.replace("Infinity", "inf").replace("NaN", "nan"))


def drawn(rng: random.Random) -> tuple[str, dict[str, float]]:
    """An expression that can be typed, and numbers for its names."""
    while True:
        program = typed.draw(rng, max_steps=4)
        text = typed.as_expression(program, rng)
        if len(text) < 1_500:
            return text, typed.leaves_of(program)


# Types each text, and gives what the page says then: its complaint, and the titles of its nodes.
TYPE_ALL = """(texts) => texts.map((text) => {
  const field = document.querySelector("#expression");
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true })); // and the field is left
  return [document.querySelector("#complaint").textContent,
    [...document.querySelectorAll(".node > title")].map((each) => each.textContent)];
})"""


def test_typed_expressions_are_the_engines(page: Page) -> None:
    rng = random.Random(5)
    cases = [drawn(rng) for _ in range(EXPRESSIONS)]
    texts = [
        "".join(f"{name} = {x!r}\n" for name, x in given.items()) + f"L = {text}"
        for text, given in cases
    ]
    for (text, given), (complaint, titles) in zip(
        cases, page.evaluate(TYPE_ALL, texts), strict=True
    ):
        assert complaint == "", text
        values = {name: Value(x, name) for name, x in given.items()}
        root = parse_expression(text)(values)
        if isinstance(root, Constant):  # and not worth a graph
            continue
        root.backward()
        found = read(titles)
        assert node.agree(found["L"], [root.data, root.grad], CANCELS), text
        for name, value in values.items():  # one that is not used is not shown
            expected = [value.data, value.grad]
            assert node.agree(found.get(name, (value.data, 0.0)), expected, CANCELS), text


def test_what_is_wrong_is_told_in_the_commands_words(page: Page) -> None:
    page.fill("#expression", "tanh(x)*2")
    before = shown(page)
    for text in ("2(x + 1)", "ln(x)", "x +", "softmax(x)", "x.__class__", "(" * 4999, "<b>(x)"):
        page.fill("#expression", text)
        with pytest.raises(ExpressionError) as refused:
            parse_expression(text)
        assert page.text_content("#complaint") == str(refused.value)
        assert page.get_attribute("#expression", "aria-invalid") == "true"
        assert shown(page) == before
    page.fill("#expression", "tanh(x)*3")
    assert page.text_content("#complaint") == ""
    assert page.get_attribute("#expression", "aria-invalid") != "true"


def test_names_get_sliders_that_everything_follows(page: Page) -> None:
    page.fill("#expression", "L = tanh(w*u + b)")
    values = {"w": 0.5, "u": -1.25, "b": 0.0625}
    for name, number in values.items():
        page.get_by_label(f"slider of {name}", exact=True).fill(str(number))
    leaves = {name: Value(number) for name, number in values.items()}
    root = parse_expression("tanh(w*u + b)")(leaves)
    root.backward()
    found = shown(page)
    for name, leaf in [*leaves.items(), ("L", root)]:
        assert node.agree(found[name], [leaf.data, leaf.grad])


def test_a_number_in_the_text_is_where_a_slider_starts(page: Page) -> None:
    page.fill("#expression", "x = 2; L = x*x")  # the first example has an x, too
    assert shown(page)["x"] == (2.0, 4.0)
    page.get_by_label("value of x", exact=True).fill("3")
    assert shown(page)["x"] == (3.0, 6.0)
    page.fill("#expression", "x = 2; L = x*x*x")
    assert shown(page)["x"] == (3.0, 27.0)
    page.fill("#expression", "x = 1.5; L = x*x")
    assert shown(page)["x"] == (1.5, 3.0)


def test_examples_are_there_to_click(page: Page) -> None:
    titles = page.locator("#examples button").all_text_contents()
    assert titles == [
        *("One path", "Several inputs", "Several outputs", "A neuron"),
        *("Softmax with cross-entropy", "a + a", "A graph with 2²⁰ paths"),
    ]
    for title in titles:
        page.get_by_role("button", name=title, exact=True).click()
        assert page.text_content("#complaint") == ""
        assert page.text_content("#note") != ""
        assert len(shown(page)) > 1
    assert shown(page)["x"] == (1.0, 2.0**20)
    page.locator(".node.leaf, .node").first.click()
    assert "1,048,576" in (page.text_content("#ledger") or "")


def test_what_is_typed_is_text(page: Page) -> None:
    title = page.title()
    for text in ("<img src=x onerror=\"document.title='hit'\">", "</script><script>alert(1)"):
        page.fill("#expression", text)
        assert text[:10] in (page.text_content("#complaint") or "")
    assert page.title() == title
    assert page.locator("img").count() == 0
