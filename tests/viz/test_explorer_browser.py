"""The explorer as a person uses it, in a real browser."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from autograd_mini.core.graph import leaves, topological_order
from autograd_mini.core.recording import apply
from autograd_mini.core.value import as_value
from tests.viz.browser import Visits
from viz import explore

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
HOSTILE = [
    "<script>document.title = 'hit'</script>",
    "</script><img src=x onerror=\"document.title='hit'\">",
    "\"'`&amp;<!--",
    "\u2028\u2029\u202eright to left\x00",
    "x" * 10_000,
    "${1}$title\\u003c",
    " ",
    "__proto__",
]


def neuron() -> Value:
    w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-1.5, "b")
    s = w * x + b
    s.label = "s"
    loss = (ad.tanh(s) - 1) ** 2 + w
    loss.label = "L"
    return loss


def numbers(page: Page) -> list[dict[str, float]]:
    """What the titles of the nodes say, to the last digit; by node."""
    titles = page.eval_on_selector_all(".node > title", "all => all.map(each => each.textContent)")
    return [
        {word: read(text) for word, text in re.findall(r"^(data|grad) (\S+)$", title, re.MULTILINE)}
        for title in titles
    ]


def read(text: str) -> float:
    return float(text.replace("Infinity", "inf").replace("NaN", "nan"))


def close(found: float, expected: float) -> bool:
    return (
        found == expected
        or (math.isnan(found) and math.isnan(expected))
        or math.isclose(found, expected, rel_tol=1e-12)
    )


def assert_shows_the_engine(page: Page, roots: Sequence[Value]) -> None:
    """At its end the page shows data and gradients as the engine has them."""
    gradients = ad.gradients(list(roots), list(nodes := topological_order(*roots)))
    for node, gradient, shown in zip(nodes, gradients, numbers(page), strict=True):
        if node.op == "constant":
            continue
        assert close(shown["data"], node.data), (node, shown)
        assert close(shown["grad"], gradient), (node, gradient, shown)


def at(page: Page) -> int:
    return int(page.input_value("#scrub"))


def count(page: Page) -> int:
    return int(page.get_attribute("#scrub", "max") or "")


def set_leaves(page: Page, values: Mapping[int, float]) -> None:
    """Type values into the fields of leaves, by their ids, all at once."""
    page.evaluate(
        """values => { for (const [id, value] of Object.entries(values)) {
            const field = document.querySelector(`input[data-leaf="${id}"]`);
            field.value = value;
            field.dispatchEvent(new Event("input"));
        } }""",
        {str(node): repr(value) for node, value in values.items()},
    )


def test_the_passes_are_stepped_both_ways(visit: Visits) -> None:
    root = neuron()
    page = visit(explore(root).html)
    texts: list[str] = []
    interior = [node for node in topological_order(root) if node.parents]
    assert count(page) == 2 * len(interior) + 1
    for _ in range(count(page)):
        texts.append(page.inner_text("#sentence") + page.inner_text("#phase"))
        page.click("#next")
    assert page.is_disabled("#next")
    assert "Every gradient is complete" in page.inner_text("#sentence")
    assert_shows_the_engine(page, [root])
    for text in reversed(texts):
        page.click("#back")
        assert page.inner_text("#sentence") + page.inner_text("#phase") == text
    assert page.is_disabled("#back")
    phases = [re.search("Start|Forward|Backward", text[-13:]) for text in texts]
    order = [match[0] for match in phases if match]
    expected = ["Start", *["Forward"] * len(interior), *["Backward"] * len(interior)]
    assert order == expected  # and the last step


def test_keys_move_through_the_steps(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    press = page.keyboard.press
    press("ArrowRight")
    press("ArrowRight")
    assert at(page) == 2
    press("ArrowLeft")
    assert at(page) == 1
    press("End")
    assert at(page) == count(page)
    press("ArrowRight")
    assert at(page) == count(page)
    press("Home")
    assert at(page) == 0


def test_keys_in_a_field_belong_to_the_field(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    page.locator("input[data-leaf]").first.focus()
    for key in ("ArrowRight", "End", "Home", "ArrowLeft"):
        page.keyboard.press(key)
    assert at(page) == 0


def test_it_plays_pauses_and_replays(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    page.select_option("#speed", "12")
    page.keyboard.press("Space")
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.wait_for_selector("#play[data-action=replay]")
    assert at(page) == count(page)
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    assert page.get_attribute("#play", "aria-label") == "Play"
    paused = at(page)
    assert paused < count(page)
    page.wait_for_timeout(250)
    assert at(page) == paused


def test_numbers_stand_in_the_order_of_the_symbols(visit: Visits) -> None:
    a, b = Value(3.0, "a"), Value(5.0, "b")
    s = a * b
    s.label = "s"
    root = ad.exp(s * 0.1)
    page = visit(explore(root).html)
    page.keyboard.press("End")
    assert "b · " in page.inner_text("#chain")
    assert f"5 {TIMES} 0.4482" in page.inner_text("#chain")
    route, factors = page.locator(".paths button span").all_text_contents()
    assert route.startswith("a → s → ")
    assert factors.startswith(f"5 {TIMES} 0.1 {TIMES} ")


def test_numbers_have_the_same_digits_wherever_they_stand(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    page.keyboard.press("End")
    notes = " ".join(page.locator(".note.product").all_text_contents())
    for number in re.findall(r"[\d.]+", notes):
        assert number in page.inner_text("#sentence")


def test_neurons_and_inputs_stand_in_order(visit: Visits) -> None:
    for sizes in ([3, 1], [4, 2], [5, 1]):
        model = nn.MLP(2, sizes, rng=0)
        root = ad.sum(model([Value(0.5, "x1"), Value(-1.0, "x2")]))
        page = visit(explore(root).html)
        order = topological_order(root)
        heights = page.eval_on_selector_all(
            ".node", "all => all.map(each => each.getBoundingClientRect().y)"
        )
        for node in order:
            wide = [parent for parent in node.parents if parent.op == "tanh"]
            places = [heights[order.index(parent)] for parent in wide]
            assert places == sorted(places)
        inputs = [heights[i] for i, node in enumerate(order) if node.label in ("x1", "x2")]
        labels = [node.label for node in order if node.label in ("x1", "x2")]
        assert (inputs[0] < inputs[1]) == (labels == ["x1", "x2"])


@pytest.mark.parametrize("width", [400, 1280])
def test_a_picture_opens_legibly_and_with_all_notes_inside(visit: Visits, width: int) -> None:
    model = nn.MLP(2, [3, 1], rng=0)
    root = nn.half_squared_error(model([Value(0.5, "x1"), Value(-1.0, "x2")]), 1.0)
    page = visit(explore(root).html, width=width)
    size = page.locator(".node .value").first.evaluate("each => 11 * each.getScreenCTM().a")
    assert size > 8
    page.keyboard.press("End")
    page.click("#fit")
    assert page.locator(".note.sum").count() == 2
    assert outside_of_the_picture(page, ".note") == 0


def test_a_leaf_field_holds_the_whole_number_and_says_what_is_none(visit: Visits) -> None:
    x = Value(1 / 3, "x")
    page = visit(explore(x * 2.0).html)
    field = page.get_by_label("value of x", exact=True)
    assert field.input_value() == "0.333333"
    field.focus()
    assert field.input_value() == repr(1 / 3)
    field.fill("")
    assert "x stays 0.333333" in page.inner_text("#inputs")
    field.blur()
    assert field.input_value() == "0.333333"
    assert "stays" not in page.inner_text("#inputs")
    assert numbers(page)[0]["data"] == 1 / 3


def test_a_constant_has_no_gradient(visit: Visits) -> None:
    page = visit(explore(ad.log(as_value(0.0))).html)
    page.keyboard.press("End")
    assert "no gradient flows to it" in page.inner_text("#ledger")
    assert page.locator("#ledger table, .paths").count() == 0


def test_an_op_named_like_a_member_of_every_object(visit: Visits) -> None:
    node = SimpleNamespace(
        op="constructor",
        label="m",
        parents=(Value(2.0, "x"),),
        data=5.0,
        grad=0.0,
        local_derivatives=(0.25,),
    )
    page = visit(explore(node).html)
    page.keyboard.press("End")
    assert [shown["grad"] for shown in numbers(page)] == [0.25, 1.0]


def test_an_edge_over_many_layers_is_drawn(visit: Visits) -> None:
    x = Value(0.5, "x")
    y = x
    for _ in range(15):
        y = y * x + 1.0
    page = visit(explore(y).html)
    assert page.locator(".edge").count() == sum(len(n.parents) for n in topological_order(y))
    page.keyboard.press("End")
    assert_shows_the_engine(page, [y])
    assert page.locator(".note.product").count() == 2


def test_a_number_stands_above_all_lines_on_a_ground_of_its_own(visit: Visits) -> None:
    model = nn.MLP(4, [3, 2, 4], rng=0)
    loss = nn.half_squared_error(model([0.1, 0.2, 0.3, 0.4]), [1.0] * 4)
    page = visit(explore(loss).html)
    page.keyboard.press("End")
    uncovered = page.evaluate(
        """() => [...document.querySelectorAll(".mark")].filter((mark) => mark.textContent).filter(
          (mark) => {
            const text = mark.getBoundingClientRect();
            return ![...document.querySelectorAll(".ground")].some((ground) => {
              const box = ground.getBoundingClientRect();
              return box.left < text.left + 3 && box.right > text.right - 3
                && box.top < text.top + 3 && box.bottom > text.bottom - 3;
            });
          },
        ).length"""
    )
    assert uncovered == 0
    order = page.evaluate(
        "() => [...document.querySelector('.edges').parentNode.children].map((g) => g.classList[0])"
    )
    assert order[:3] == ["edges", "grounds", "readings"]


def test_short_windows_keep_the_picture(visit: Visits) -> None:
    page = visit(explore(neuron()).html, width=844, height=390)
    box = page.locator("#picture").bounding_box()
    assert box is not None
    assert box["height"] > 200


def test_a_narrower_window_is_legible_too(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    page.set_viewport_size({"width": 400, "height": 500})
    page.wait_for_timeout(100)
    size = page.locator(".node .value").first.evaluate("each => 11 * each.getScreenCTM().a")
    assert size > 8


def test_a_slider_reaches_as_far_as_its_number(visit: Visits) -> None:
    page = visit(explore(Value(1e308, "x") * 2.0).html)
    slider, field = page.get_by_label("slider of x"), page.get_by_label("value of x", exact=True)
    assert float(slider.get_attribute("max") or "") > 1e306
    field.fill("1")
    assert slider.get_attribute("max") == "2"


def chain(length: int) -> Value:
    y = Value(0.5, "x")
    for step in range(length):
        y = (ad.tanh, ad.sin, ad.exp)[step % 3](y)
    return y


def outside_of_the_picture(page: Page, selector: str) -> int:
    """How many elements are not wholly seen in the pane of the picture."""
    outside = """(selector) => {
      const pane = document.querySelector("#picture").getBoundingClientRect();
      return [...document.querySelectorAll(selector)].filter((each) => {
        const box = each.getBoundingClientRect();
        return box.left < pane.left || box.right > pane.right
          || box.top < pane.top || box.bottom > pane.bottom;
      }).length;
    }"""
    return int(page.evaluate(outside, selector))


@pytest.mark.parametrize(("length", "width"), [(7, 1050), (60, 1050), (60, 400)])
def test_the_node_of_the_step_is_in_view_and_legible(
    visit: Visits, length: int, width: int
) -> None:
    page = visit(explore(chain(length)).html, width=width, height=700)
    for _ in range(0, count(page), 5):
        size = page.locator(".node .value").first.evaluate("each => 11 * each.getScreenCTM().a")
        assert size > 8
        assert outside_of_the_picture(page, ".current .box") == 0
        for _ in range(5):
            page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    page.select_option("#speed", "12")
    page.keyboard.press("Space")
    for _ in range(5):
        page.wait_for_timeout(60)
        assert outside_of_the_picture(page, ".current .box") == 0


def test_a_chain_goes_down_where_more_of_it_is_seen_so(visit: Visits) -> None:
    page = visit(explore(chain(7)).html, width=1050, height=700)
    seen = page.locator(".node").count() - outside_of_the_picture(page, ".node .box")
    assert seen >= 5


# Where the characters of a text stand, from left to right, of those that `kept` lets through.
ACROSS = """(element, kept) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), found = [];
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    [...text.data].forEach((character, i) => {
      const range = document.createRange();
      range.setStart(text, i);
      range.setEnd(text, i + 1);
      const { left, top, width } = range.getBoundingClientRect();
      if (kept.includes(character) && width) found.push({ character, left, top });
    });
  }
  return found.sort((a, b) => Math.round((a.top - b.top) / 8) || a.left - b.left)
    .map(({ character }) => character).join("");
}"""


def assert_runs_from_left_to_right(text: Locator, letters: str) -> None:
    """Signs, digits, and one letter of each name stand in the order in which they are written."""
    kept = f"=·/∂×→0123456789{letters}"
    written = "".join(character for character in text.text_content() or "" if character in kept)
    assert text.evaluate(ACROSS, kept) == written


def test_names_from_right_to_left_keep_an_equation_in_order(visit: Visits) -> None:
    root = Value(2.0, "שלום") * Value(3.0, "وزن")
    root.label = "הפסד"
    page = visit(explore(root).html)
    for key in ("ArrowRight", "End"):
        page.keyboard.press(key)
        assert_runs_from_left_to_right(page.locator("#sentence"), "לوס")
    for line in page.locator(".line .left, .line .right, .route, dd").all():
        assert_runs_from_left_to_right(line, "לوס")


def test_the_home_key_scrolls_a_region_in_focus(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    page.keyboard.press("End")
    page.locator("aside .scroll").first.focus()
    page.keyboard.press("Home")
    assert at(page) == count(page)


def test_a_screen_reader_is_told_where_a_slider_ends(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    page.keyboard.press("End")
    live = "() => document.querySelector('#sentence').getAttribute('aria-live')"
    send = """([selector, value, event]) => {
      const slider = document.querySelector(selector);
      slider.value = value;
      slider.dispatchEvent(new Event(event, { bubbles: true }));
    }"""
    for selector in ("#scrub", "#inputs input[type=range]"):
        for value in ("1", "0.5", "2"):
            page.evaluate(send, [selector, value, "input"])
            assert page.evaluate(live) == "off"
        text = page.inner_text("#sentence")
        page.evaluate(
            "() => new MutationObserver(() => { document.body.dataset.told = 'yes'; })"
            ".observe(document.querySelector('#sentence'), { childList: true })"
        )
        page.evaluate(send, [selector, "2", "change"])
        assert page.evaluate(live) == "polite"
        assert page.inner_text("#sentence") == text
        assert page.evaluate("() => document.body.dataset.told") == "yes"
        page.evaluate("() => { delete document.body.dataset.told; }")


@pytest.mark.parametrize("back", [False, True], ids=["forth", "forth and back"])
@pytest.mark.parametrize("selector", ["#scrub", "#inputs input[type=range]"])
def test_a_screen_reader_is_told_where_a_drag_ends(
    visit: Visits, selector: str, back: bool
) -> None:
    page = visit(explore(neuron()).html)
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    slider, sentence = page.locator(selector).first, page.locator("#sentence")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    start, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(start, y)
    page.mouse.down()
    page.mouse.up()
    before = slider.input_value()
    page.mouse.down()
    page.mouse.move(start - 40, y, steps=4)
    page.mouse.move(start - 60, y + 90, steps=4)  # and off it
    assert slider.input_value() != before
    assert sentence.get_attribute("aria-live") == "off"
    if back:
        page.mouse.move(start, y + 90, steps=4)
        assert slider.input_value() == before
    page.mouse.up()
    assert sentence.get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("event", ["pointercancel", "blur", "keyup"])
def test_a_drag_that_is_cut_short_ends(visit: Visits, event: str) -> None:
    page = visit(explore(neuron()).html)
    sentence = page.locator("#sentence")
    page.locator("#scrub").dispatch_event("input")
    assert sentence.get_attribute("aria-live") == "off"
    page.locator("#scrub").dispatch_event(event)
    assert sentence.get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_print_shows_all_of_it_on_white(visit: Visits, dark: bool) -> None:
    page = visit(explore(chain(12)).html, dark=dark)
    page.keyboard.press("End")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark" if dark else "light")
    page.set_viewport_size({"width": 700, "height": 1000})
    page.wait_for_timeout(100)
    assert outside_of_the_picture(page, ".node .box") == 0
    cut = """() => [...document.querySelectorAll("aside, .scroll, main, #sentence")]
      .filter((each) => each.scrollHeight > each.clientHeight + 1
        && getComputedStyle(each).overflowY !== "visible").map((each) => each.outerHTML)"""
    assert page.evaluate(cut) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    for control in (".transport", ".zoom", "#theme"):
        assert not page.is_visible(control)


def test_sliders_can_be_held_in_narrow_windows(visit: Visits) -> None:
    root = neuron() * Value(-0.504372, "a_long_name_of_a_leaf")
    page = visit(explore(root).html, width=320)
    for field in page.locator("#inputs input[type=number]").all():
        assert field.evaluate("each => each.scrollWidth <= each.clientWidth")
    for slider in page.locator("#inputs input[type=range]").all():
        box = slider.bounding_box()
        assert box is not None
        assert box["width"] >= 90
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_ledger_is_as_wide_as_its_column(visit: Visits) -> None:
    root = Value(0.371468, "first") * Value(-0.620223, "second") * Value(-1.0123456, "third")
    for width in (320, 960, 1050):
        page = visit(explore(root).html, width=width)
        holder = page.locator("#ledger .scroll").first
        assert holder.evaluate("each => each.scrollWidth <= each.clientWidth")
        head = page.locator("#ledger th").first
        assert head.evaluate("each => each.getBoundingClientRect().height") < 30


def test_space_chooses_the_node_in_focus(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    page.focus("[data-node='3']")
    page.keyboard.press("Space")
    assert page.get_attribute("[data-node='3']", "aria-pressed") == "true"
    assert at(page) == 0


def test_the_focus_stays_on_a_button_at_both_ends(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    page.focus("#last")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "last"


def test_reset_of_a_leaf_that_is_no_number(visit: Visits) -> None:
    page = visit(explore(Value(math.nan, "x") * 2.0).html)
    page.get_by_label("value of x", exact=True).fill("2")
    page.click("#reset")
    assert page.get_by_label("value of x", exact=True).input_value() == ""


def test_it_is_scrubbed(visit: Visits) -> None:
    root = neuron()
    page = visit(explore(root).html)
    page.focus("#scrub")
    page.keyboard.press("End")
    assert_shows_the_engine(page, [root])
    page.locator("#scrub").fill("3")
    assert page.inner_text("#count") == f"3 / {count(page)}"
    assert page.inner_text("#phase") == "Forward pass"


def test_a_second_arrival_adds(visit: Visits) -> None:
    a = Value(3.0, "a")
    page = visit(explore(a + a).html)
    page.keyboard.press("End")
    assert page.locator(".note.sum").all_text_contents() == ["1 + 1 = 2"]
    assert page.locator(".edge").count() == 2
    product = "1 \N{MULTIPLICATION SIGN} 1"
    assert page.locator(".note.product").all_text_contents() == [f"{product}= 1"] * 2
    assert "which adds up to 1 + 1 = 2" in page.inner_text("#sentence")


def test_what_a_step_adds_at_one_node_stands_beside_it_as_one_sum(visit: Visits) -> None:
    x = Value(0.5, "x")
    page = visit(explore(ad.exp(x * x) * x).html)
    page.keyboard.press("End")
    assert page.locator(".note.sum").all_text_contents() == ["1.284 + 0.321 + 0.321 = 1.926"]
    note, box = (page.locator(each).first.bounding_box() for each in (".note.sum", ".leaf .name"))
    assert note is not None
    assert box is not None
    assert note["y"] + note["height"] <= box["y"] or box["y"] + box["height"] <= note["y"]
    page = visit(explore(ad.sum([x] * 9)).html)
    page.keyboard.press("End")
    assert page.locator(".note.sum").all_text_contents() == ["1 + 1 + 1 + … + 1 = 9"]


def test_motion_ends_with_the_right_numbers(visit: Visits) -> None:
    root = neuron()
    page = visit(explore(root).html, still=False)
    page.locator("#scrub").fill(str(count(page) - 1))
    assert page.locator(".dot").count() == 0
    page.evaluate(
        """() => { window.seen = [];
          const note = (all) => all.forEach(({ target }) => seen.push(target.textContent));
          for (const each of document.querySelectorAll(".node .grad"))
            new MutationObserver(note).observe(each, { childList: true });
        }"""
    )
    page.click("#next")
    assert page.locator(".dot").count() > 0
    assert page.locator(".node.complete").count() < page.locator(".node .grad").count()
    page.wait_for_selector(".dot", state="detached")
    still = visit(explore(root).html, still=False)
    still.keyboard.press("End")
    assert still.locator(".dot").count() == 0
    shown = still.locator(".node .grad").all_text_contents()
    assert page.locator(".node .grad").all_text_contents() == shown
    still.keyboard.press("ArrowLeft")
    before = still.locator(".node .grad").all_text_contents()
    assert {*page.evaluate("seen")} <= {*shown, *before}  # and nothing in between


def test_the_chain_rule_grows_with_the_steps(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    lengths = []
    for _ in range(count(page)):
        page.keyboard.press("ArrowRight")
        lengths.append(len(page.inner_text("#chain")))
    assert lengths == sorted(lengths)
    assert lengths[0] == 0
    chain = page.inner_text("#chain")
    for expected in ("∂L/∂L = 1", "∂L/∂s", "∂L/∂w", "x · ∂L/∂v1"):
        assert expected in chain
    page.keyboard.press("Home")
    assert page.inner_text("#chain") == ""


def test_the_ledger_of_a_node(visit: Visits) -> None:
    root = neuron()
    page = visit(explore(root).html)
    nodes = topological_order(root)
    w = next(node for node in nodes if node.label == "w")
    page.click(f"[data-node='{nodes.index(w)}']")
    uses = ad.explain(root, w).uses
    rows = page.locator("#ledger tbody tr")
    assert rows.count() == len(uses) == 2
    (gradient,) = ad.gradients([root], [w])
    total = page.locator("#ledger tfoot td").last.inner_text()
    assert math.isclose(read(total.replace(MINUS, "-")), gradient, rel_tol=1e-5)
    assert page.locator(".paths li").count() == ad.count_paths(root, w) == 2
    page.locator(".paths button").first.hover()
    assert page.locator(".edge.lit").count() >= 1
    page.mouse.move(5, 5)
    assert page.locator(".edge.lit").count() == 0


def test_enter_chooses_the_node_in_focus(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    page.focus("[data-node='3']")
    page.keyboard.press("Enter")
    assert page.get_attribute("[data-node='3']", "aria-pressed") == "true"
    assert page.inner_text("#ledger h3").split()[0] in page.get_attribute(
        "[data-node='3']", "aria-label"
    )


def test_tab_reaches_every_node_and_a_path(visit: Visits) -> None:
    root = neuron()
    page = visit(explore(root).html)
    reached: set[str] = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.dataset.node ?? document.activeElement.id"
                " + (document.activeElement.closest('.paths') ? 'path' : '')"
            )
        )
    wanted = {
        str(index) for index, node in enumerate(topological_order(root)) if node.op != "constant"
    }
    assert wanted | {"play", "scrub", "speed", "theme", "fit", "path"} <= reached
    assert "picture" not in reached  # where nothing would be seen of the focus


@pytest.mark.parametrize(
    "root",
    [Value(2.0, "x"), as_value(3.0), Value(2.0) * 0.0, as_value(3.0) * as_value(2.0)],
    ids=["leaf", "constant", "zero", "constants"],
)
def test_graphs_of_next_to_nothing(visit: Visits, root: Value) -> None:
    page = visit(explore(root).html)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    assert page.inner_text("#sentence")
    assert_shows_the_engine(page, [root])
    page.keyboard.press("Space")
    assert at(page) == 0


def test_an_operation_that_is_not_in_the_table_keeps_its_numbers(visit: Visits) -> None:
    x = Value(2.0, "x")
    node = SimpleNamespace(
        op="mystery", label="m", parents=(x,), data=5.0, grad=0.0, local_derivatives=(0.25,)
    )
    page = visit(explore(node).html)
    page.keyboard.press("End")
    page.get_by_label("value of x", exact=True).fill("3")
    assert [shown["data"] for shown in numbers(page)] == [3.0, 5.0]
    assert [shown["grad"] for shown in numbers(page)] == [0.25, 1.0]
    assert page.is_visible("#foreign")
    assert not visit(explore(neuron()).html).is_visible("#foreign")


def test_a_drag_chooses_nothing(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    chosen = page.locator("[aria-pressed=true]").get_attribute("data-node")
    box = page.locator("[data-node='3']").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 10)
    page.mouse.up()
    assert page.locator("[aria-pressed=true]").get_attribute("data-node") == chosen
    page.mouse.click(x + 40, y + 10)
    assert page.locator("[aria-pressed=true]").get_attribute("data-node") == "3"


def test_too_many_paths_are_counted(visit: Visits) -> None:
    a = Value(1.0, "a")
    y = a
    for _ in range(20):
        y = y + y
    page = visit(explore(y).html)
    text = page.inner_text("#ledger")
    assert "1,048,576 paths" in text
    assert "gradient 1048576" in text
    assert page.locator(".paths li").count() < 100


def one_of_each_row() -> list[Value]:
    """A root for every primitive, over leaves of its own."""
    roots = []
    for name, row in ad.PRIMITIVES.items():
        operands = []
        for operand, (low, high) in zip(row.operands, row.domains, strict=True):
            size = 3 if operand.kind == "vector" else 1
            operands += [
                Value(low + (0.3 + 0.2 * i) * (high - low), f"{name}.{operand.name}{i}")
                for i in range(size)
            ]
        roots.append(apply(name, *operands))
    return roots


def test_every_primitive_follows_its_leaves(visit: Visits) -> None:
    roots = one_of_each_row()
    page = visit(explore(roots).html)
    page.keyboard.press("End")
    assert_shows_the_engine(page, roots)
    changed = {}
    order = topological_order(*roots)
    inputs = set(leaves(*roots))
    for index, node in enumerate(order):
        if node in inputs:
            node.data += 0.0625 * (1 if node.data < 0 else -1)
            changed[index] = node.data
    ad.recompute(roots)
    set_leaves(page, changed)
    assert_shows_the_engine(page, roots)


def test_a_leaf_is_changed_by_hand(visit: Visits) -> None:
    root = neuron()
    page = visit(explore(root).html)
    page.keyboard.press("End")
    w = next(node for node in topological_order(root) if node.label == "w")
    field = page.get_by_label("value of w", exact=True)
    w.data = -0.8125
    field.fill("-0.8125")
    ad.recompute(root)
    assert_shows_the_engine(page, [root])
    assert page.get_by_label("slider of w").input_value() == "-0.8125"
    field.fill("")
    assert field.get_attribute("aria-invalid") == "true"
    assert_shows_the_engine(page, [root])
    page.get_by_label("slider of w").fill("1.5")
    w.data = 1.5
    ad.recompute(root)
    assert_shows_the_engine(page, [root])
    page.click("#reset")
    w.data = 0.5
    ad.recompute(root)
    assert_shows_the_engine(page, [root])
    assert field.input_value() == "0.5"


def test_not_finite_numbers_stand_out(visit: Visits) -> None:
    x = Value(0.0, "x")
    page = visit(explore(ad.log(x) * 0.0 + Value(math.inf, "y")).html)
    page.keyboard.press("End")
    assert {"NaN", f"{MINUS}\N{INFINITY}", "\N{INFINITY}"} <= {
        *page.locator(".odd").all_text_contents()
    }


@pytest.mark.parametrize("label", HOSTILE, ids=lambda label: repr(label[:12]))
def test_labels_are_text(visit: Visits, label: str) -> None:
    a = Value(1.5, label)
    root = a * Value(2.0, label) + a
    root.label = label
    page = visit(explore(root).html, width=400)
    title = page.title()
    page.keyboard.press("End")
    page.click("[data-node='0']")
    assert page.title() == title != "hit"
    assert page.locator("#world img, #world script, aside img, aside script, h1 *").count() <= 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert_shows_the_engine(page, [root])
    if label.strip() and "\x00" not in label and len(label) < 100:
        assert page.locator(".node > title").first.text_content().startswith(label)


@pytest.mark.parametrize("width", [400, 600, 800, 1280])
def test_nothing_is_wider_than_the_window(visit: Visits, width: int) -> None:
    page = visit(explore(neuron(), title="A title as long as it may be " * 20).html, width=width)
    page.keyboard.press("End")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, p, h1, h2, h3, table, dd")]
          .filter(each => each.offsetParent && each.getBoundingClientRect().right > innerWidth + 1)
          .map(each => each.outerHTML)"""
    )
    assert outside == []
    for button in ("play", "fit", "theme", "reset"):
        assert page.locator(f"#{button}").bounding_box() is not None


def test_the_picture_is_moved_and_fitted(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    world = page.locator("#world")
    fitted = world.get_attribute("transform")
    page.keyboard.press("+")
    zoomed = world.get_attribute("transform")
    assert zoomed != fitted
    page.mouse.move(300, 120)
    page.mouse.down()
    page.mouse.move(340, 150)
    page.mouse.up()
    assert world.get_attribute("transform") != zoomed
    page.mouse.wheel(0, 200)
    page.click("#fit")
    assert world.get_attribute("transform") == fitted


def axe_violations(page: Page) -> list[str]:
    """What axe-core finds serious or critical."""
    axe: Any = pytest.importorskip("axe_playwright_python.sync_playwright")
    results = axe.Axe().run(page).response
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in results["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_axe_finds_nothing_serious(visit: Visits, dark: bool, width: int) -> None:
    page = visit(explore(neuron()).html, dark=dark, width=width)
    assert axe_violations(page) == []
    page.keyboard.press("End")
    page.locator(".paths button").first.focus()
    assert axe_violations(page) == []


def test_the_button_turns_the_lights(visit: Visits) -> None:
    page = visit(explore(neuron()).html)
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("#theme")
    dark = page.evaluate(paper)
    assert dark != light
    page.click("#theme")
    assert page.evaluate(paper) == light
    assert visit(explore(neuron()).html, dark=True).evaluate(paper) == dark
