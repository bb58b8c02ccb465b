"""The playground's field as a person uses it, in a real browser."""

from __future__ import annotations

import html
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

import autograd_mini as ad
from autograd_mini.command.expression import ExpressionError, parse_expression
from tests.viz.browser import Visits
from tests.viz.test_explorer_browser import assert_shows_the_engine, axe_violations
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
