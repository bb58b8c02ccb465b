"""The playground's field as a person uses it, in a real browser."""

from __future__ import annotations

import html
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

import autograd_mini as ad
from autograd_mini.command.expression import ExpressionError, parse_expression
from autograd_mini.table.javascript import BUILT_IN, grammar_module, table_module
from tests.viz.browser import Visits
from tests.viz.test_explorer_browser import (
    assert_runs_from_left_to_right,
    assert_shows_the_engine,
    axe_violations,
)
from viz.explorer.assembly import assemble, source
from viz.explorer.build import PLAYGROUND

if TYPE_CHECKING:
    from playwright.sync_api import Page


@cache
def playground() -> str:
    return PLAYGROUND.read_text(encoding="utf-8")


def type_in(page: Page, text: str) -> None:
    page.locator("#expression").fill(text)


@pytest.mark.parametrize("text", ["tanh(w*x + )", ""])
def test_what_is_wrong_is_said_below_the_field(visit: Visits, text: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse_expression(text)
    page = visit(playground())
    nodes = page.locator(".node").count()
    type_in(page, text)
    shown = page.locator("#complaint").text_content()
    assert shown == str(refused.value)
    assert page.get_attribute("#expression", "aria-invalid") == "true"
    assert page.locator(".node").count() == nodes
    type_in(page, "a + a")
    assert page.locator("#complaint").text_content() == ""
    assert page.get_attribute("#expression", "aria-invalid") == "false"
    assert page.locator(".edge").count() == 2


def test_the_address_holds_what_is_shown(visit: Visits) -> None:
    page = visit(playground())
    type_in(page, "s = x*y\np = exp(s)")
    page.get_by_label("value of x", exact=True).fill("-0.375")
    page.wait_for_url("**#*v.x=-0.375*")
    fragment = page.evaluate("location.hash")
    other = visit(playground(), fragment=fragment)
    assert other.input_value("#expression") == "s = x*y\np = exp(s)"
    assert other.get_by_label("value of x", exact=True).input_value() == "-0.375"
    assert other.inner_text("#chain") == page.inner_text("#chain")
    other.evaluate("location.hash = '#f=a%2Ba&v.a=7'")
    other.wait_for_selector("input[data-leaf='0']")
    assert other.get_by_label("value of a", exact=True).input_value() == "7"


@pytest.mark.parametrize(
    "address",
    [
        "f=<img src=x onerror=\"document.title='hit'\">",
        "f=x&v.x=document.title='hit'",
        "f=alert(1)",
        "f=constructor.__proto__*toString&v.__proto__=3&v.constructor=2",
        "f=" + "x+" * 20_000,
        "f=%E0%A4%A",
        "g",
    ],
    ids=["markup", "code", "call", "prototype", "long", "broken", "other"],
)
def test_nothing_in_an_address_is_executed(visit: Visits, address: str) -> None:
    title = visit(playground()).title()
    page = visit(playground(), fragment="#" + quote(address, safe="=&%.*+'()"))
    page.wait_for_selector("#sentence")
    assert page.title() == title
    assert page.locator("#world img, aside img, #complaint img").count() == 0
    type_in(page, "x*x")
    assert page.locator(".node").count() == 2


def test_an_expression_too_large_to_be_shown_is_refused(visit: Visits) -> None:
    page = visit(playground())
    type_in(page, "+".join(["x"] * 600))
    assert "more than 500" in page.inner_text("#complaint")
    assert page.get_attribute("#expression", "aria-invalid") == "true"


def test_a_number_in_the_text_counts_when_it_is_changed(visit: Visits) -> None:
    page = visit(playground())
    type_in(page, "x = 2; x*x")
    field = page.get_by_label("value of x", exact=True)
    assert field.input_value() == "2"
    field.fill("5")
    type_in(page, "x = 2; x*x*x")
    assert field.input_value() == "5"
    type_in(page, "x = 3; x*x*x")
    assert field.input_value() == "3"


def test_reset_gives_back_the_numbers_of_the_text(visit: Visits) -> None:
    page = visit(playground())
    type_in(page, "x = 2; x*x*y")
    page.get_by_label("value of x", exact=True).fill("5")
    page.click("#reset")
    assert page.get_by_label("value of x", exact=True).input_value() == "2"
    type_in(page, "y + y")
    assert "v.x" not in page.evaluate("location.hash")


def test_a_broken_address_leaves_a_page_that_works(visit: Visits) -> None:
    page = visit(playground(), fragment="#f=%3C")
    assert page.text_content("#complaint")
    page.keyboard.press("End")
    page.click("#reset")
    assert page.locator(".node").count() > 0


def test_in_a_frame_without_an_address(visit: Visits) -> None:
    escaped = html.escape(playground())
    page = visit(f'<!doctype html><iframe srcdoc="{escaped}" sandbox="allow-scripts">')
    frame = page.frame_locator("iframe")
    frame.locator("#expression").fill("a + a")
    assert frame.locator(".edge").count() == 2


def test_a_long_message_is_wrapped_and_names_its_line(visit: Visits) -> None:
    page = visit(playground())
    type_in(page, "a = x\nqqqqq(a)")
    assert page.inner_text("#complaint").startswith("Line 2: unknown function")
    assert page.evaluate(
        "(() => { const c = document.querySelector('#complaint');"
        "return c.scrollWidth <= c.clientWidth; })()"
    )


def test_another_name_is_shown_beside_the_first(visit: Visits) -> None:
    page = visit(playground())
    type_in(page, "x = y")
    assert page.locator(".node .name").text_content() == "y = x"


def test_names_from_right_to_left_stand_in_order_in_the_picture(visit: Visits) -> None:
    page = visit(playground())
    type_in(page, "שלום = وزن; L = שלום*2")
    title = page.locator(".node .name").first
    assert (title.text_content() or "").count("=") == 1
    assert_runs_from_left_to_right(title, "לو")


LARGE = "+".join(f"tanh(x{i}*y)" for i in range(30))


def test_a_large_picture_waits_for_a_pause_in_the_typing(visit: Visits) -> None:
    page = visit(playground())
    type_in(page, LARGE + "+")
    assert page.get_attribute("#expression", "aria-invalid") == "true"
    type_in(page, LARGE)
    assert page.get_attribute("#expression", "aria-invalid") == "false"
    page.locator(".edge").nth(30 * 3 + 29 * 2 - 1).wait_for(state="attached")


# What is drawn at once, after each event of a text that is typed: the numbers of edges.
TYPE = """([texts, event]) => texts.map((text) => {
  const field = document.querySelector("#expression");
  field.value = text;
  field.dispatchEvent(new Event("input"));
  if (event) field.dispatchEvent(new Event(event));
  return document.querySelectorAll(".edge").length;
})"""


def test_typing_draws_small_graphs_at_once_and_large_ones_when_the_field_is_left(
    visit: Visits,
) -> None:
    page = visit(playground())
    small = ["a + a", "a*b + c", "tanh(w*x)"]
    assert page.evaluate(TYPE, [small, ""]) == [2, 4, 3]
    assert page.evaluate(TYPE, [[LARGE, "a + a", LARGE], ""]) == [3, 2, 2]
    assert page.evaluate(TYPE, [[LARGE], "change"]) == [148]


def test_a_text_is_parsed_once(visit: Visits) -> None:
    begin = "export function parse(text, values = {}) {"
    parser = source("parse.js")
    assert begin in parser
    counted = parser.replace(begin, f"{begin} globalThis.parses = (globalThis.parses ?? 0) + 1;")
    generated = {"table.js": table_module(BUILT_IN), "grammar.js": grammar_module()}
    page = visit(assemble("Counted", None, {**generated, "parse.js": counted}))
    parses = "(() => { const count = parses; parses = 0; return count; })()"
    assert page.evaluate(parses) == 1
    for texts, event in ((["a + a"], ""), ([LARGE], "change"), (["u = 2; u*u"], "")):
        page.evaluate(TYPE, [texts, event])
        assert page.evaluate(parses) == 1
    page.get_by_label("value of u", exact=True).fill("5")
    assert page.evaluate(parses) == 0
    page.evaluate(TYPE, [["u = 2; u*u*u"], ""])
    assert page.evaluate(parses) == 1


def test_a_leaf_that_is_changed_while_a_picture_waits(visit: Visits) -> None:
    page = visit(playground())
    page.evaluate(TYPE, [["y + y"], ""])
    page.evaluate(
        f"""(text) => {{
          ({TYPE})([[text], ""]);
          const leaf = document.querySelector("input[data-leaf]");
          leaf.value = "5";
          leaf.dispatchEvent(new Event("input"));
        }}""",
        LARGE,
    )
    page.locator(".edge").nth(30 * 3 + 29 * 2 - 1).wait_for(state="attached")
    assert page.get_by_label("value of y", exact=True).input_value() == "5"


def test_the_address_is_written_once_for_many_changes(visit: Visits) -> None:
    page = visit(playground())
    page.wait_for_url("**#f=*")
    page.evaluate(
        """() => { window.writes = [];
          const write = history.replaceState.bind(history);
          history.replaceState = (...given) => { writes.push(given[2]); write(...given); };
        }"""
    )
    page.evaluate(
        """() => { const slider = document.querySelector("#inputs input[type=range]");
          for (let i = 0; i < 50; i += 1) {
            slider.value = String(i / 50);
            slider.dispatchEvent(new Event("input", { bubbles: true }));
          } }"""
    )
    page.wait_for_url("**v.x=0.98*")
    assert len(page.evaluate("writes")) == 1


def test_what_is_wrong_takes_no_room_from_the_picture(visit: Visits) -> None:
    for width in (400, 1280):
        page = visit(playground(), width=width)
        type_in(page, "tanh(w*x)")
        before = page.locator("#picture").bounding_box()
        type_in(page, "tanh(w*x + )")
        assert page.is_visible("#complaint .message")
        assert page.locator("#picture").bounding_box() == before


@pytest.mark.parametrize("height", [390, 480, 620, 640, 720])
def test_short_windows_keep_the_picture_of_the_playground(visit: Visits, height: int) -> None:
    page = visit(playground(), width=1000, height=height)
    type_in(page, "a + ")
    box = page.locator("#picture").bounding_box()
    assert box is not None
    assert box["height"] > 220


def test_minus_zero_is_kept_in_the_address(visit: Visits) -> None:
    page = visit(playground(), fragment="#f=1%2Fx&v.x=-0")
    assert page.locator(".node > title").all_text_contents()[-1].endswith("data -Infinity\ngrad 1")
    page.get_by_label("value of x", exact=True).fill("2")
    page.get_by_label("value of x", exact=True).fill("-0")
    page.wait_for_url("**v.x=-0")


def test_several_outputs_are_seeded_together(visit: Visits) -> None:
    page = visit(playground())
    type_in(page, "p = a*b; q = a + b")
    page.keyboard.press("Escape")
    page.locator("#expression").blur()
    page.get_by_label("value of a", exact=True).fill("3")
    page.get_by_label("value of b", exact=True).fill("-2")
    a, b = ad.Value(3.0, "a"), ad.Value(-2.0, "b")
    assert_shows_the_engine(page, [a * b, a + b])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_in_the_playground(visit: Visits, dark: bool) -> None:
    page = visit(playground(), dark=dark, width=500)
    assert axe_violations(page) == []
    type_in(page, "x +")
    assert axe_violations(page) == []


@pytest.mark.parametrize("width", [400, 1280])
def test_the_playground_is_not_wider_than_the_window(visit: Visits, width: int) -> None:
    page = visit(playground(), width=width)
    for button in page.locator("#examples button").all():
        button.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    type_in(page, "+".join(["a_name_that_is_rather_long"] * 40) + "+")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
