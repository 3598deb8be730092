"""The review page in a real browser: every decision by key and by mouse, undo, reload, two tabs, hostile names, and how fast the next item is there."""

from __future__ import annotations

import sys

import pytest
from review_world import CATEGORIES, PROPOSED, Inside, Server, World, known
from test_pages import HOSTILE

from taxonomy_bridge import sssom
from taxonomy_bridge.mapping import read_mapping
from taxonomy_bridge.review.decisions import Wish
from taxonomy_bridge.vocabulary import load_vocabulary

pytest.importorskip("starlette", reason="Starlette is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")
THEFT, ROBBERY = known("theft"), known("robbery")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def server(world):
    running = Inside(world)
    yield running
    running.stop()


@pytest.fixture
def page(browser, server):
    yield (opened := open_page(browser, server))
    opened.context.close()


def watched(page):
    page.requests, page.errors = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("console", lambda message: page.errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    return page


def open_page(browser, server, **more):
    page = watched(browser.new_context(viewport={"width": 1400, "height": 900}, **more).new_page())
    page.goto(server.link)
    page.locator("#item h1").wait_for()
    return page


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def shows(page, name):
    page.locator("#item h1", has_text=name).wait_for()


def says(page, text):
    page.locator("#message", has_text=text).wait_for()


def valid(world):
    read_mapping(world.out, world.taxonomy, load_vocabulary())
    return world.mapped()


def test_one_key_accepts_the_best_and_goes_on(page, world):
    shows(page, "Stealing")
    assert page.locator("#candidates tbody tr").count() == 3 and "token" not in page.url
    press(page, "Enter")
    says(page, "Saved as decision 1")
    shows(page, "Bad software")
    assert valid(world) == {("theft", THEFT): ("exactMatch", False)}
    assert page.locator("#count").inner_text() == "1 of 5 decided"
    (row,) = sssom.read(world.out).rows
    assert row.get("author_label") == "A. Person" and "Burglary" in row.get("comment")


def test_reject_stay_note_relation_and_withdraw(page, world):
    press(page, "x")
    says(page, "decision 1")
    assert "Robbery" in page.locator("#sentence").inner_text() or page.locator("#candidates tr[aria-current=true]").inner_text().startswith("2")
    press(page, "n", "c")
    page.keyboard.type("It names force.")
    press(page, "Enter", "a")
    says(page, "decision 2")
    assert valid(world) == {("theft", THEFT): ("exactMatch", True), ("theft", ROBBERY): ("narrowMatch", False)}
    assert {row.get("comment") for row in sssom.read(world.out).rows} >= {"It names force."}
    press(page, "2", "r")
    says(page, "decision 3")
    assert valid(world)["theft", ROBBERY] == ("relatedMatch", False)
    press(page, "e")
    says(page, "decision 4")
    press(page, "3", "a")
    says(page, "only row of its category")
    press(page, "2", "d")
    says(page, "decision 5")
    assert valid(world) == {("theft", THEFT): ("exactMatch", True)}


def test_nothing_fits_and_unsure(page, world):
    press(page, "s")
    says(page, "decision 1")
    shows(page, "Bad software")
    page.locator("#list button", has_text="Odd things").click()
    shows(page, "Odd things")
    assert page.locator("#candidates tr[aria-current=true]").inner_text().startswith("0")
    press(page, "Enter")
    says(page, "decision 2")
    assert valid(world) == {("odd", THEFT): ("relatedMatch", True)} and page.locator("#count").inner_text() == "1 of 5 decided, 1 set aside"


def test_search_and_tree_find_every_concept(page, world):
    press(page, "/")
    page.keyboard.type("animal crue")
    assert 0 < page.locator("#hits .hit").count() < 10
    press(page, "ArrowDown", "Enter")
    says(page, "Choose the relation")
    press(page, "b", "Enter")
    says(page, "decision 1")
    ((_, concept), told) = next(iter(valid(world).items()))
    assert "animal" in concept and told == ("broadMatch", False)
    press(page, "t")
    assert page.locator("#hits .hit").count() == len(load_vocabulary().ids)
    page.locator(f"#hits .hit[data-concept='{THEFT}']").click()
    says(page, "Choose the relation")
    press(page, "r", "Enter")
    says(page, "decision 2")
    assert valid(world)["malware", THEFT] == ("relatedMatch", False)


def test_undo_works_over_a_reload(page, world):
    press(page, "Enter")
    says(page, "decision 1")
    press(page, "Enter")
    says(page, "decision 2")
    page.reload()
    shows(page, "Tricks for money")
    press(page, "u")
    says(page, "Undone")
    shows(page, "Bad software")
    page.locator("#recent button[aria-label='Undo decision 1']").click()
    shows(page, "Stealing")
    assert valid(world) == {} and page.locator("#recent .undone").count() == 2 and page.locator("#undo").is_disabled()


def test_many_at_once(page, world):
    press(page, "Shift+B")
    page.locator("#many li").nth(1).wait_for()
    page.locator("#least").fill("0.75")
    page.locator("#many li").nth(2).wait_for()
    page.locator("#go").click()
    says(page, "Accepted together")
    assert len(valid(world)) == 3
    press(page, "u")
    says(page, "Undone")
    assert valid(world) == {}


def test_two_tabs_at_once(page, world):
    other = watched(page.context.new_page())
    other.goto(page.url)
    shows(other, "Stealing")
    press(page, "Enter")
    says(page, "decision 1")
    press(other, "x")
    says(other, "decided elsewhere")
    assert "accepted" in other.locator("#candidates tbody tr").first.inner_text() and valid(world) == {("theft", THEFT): ("exactMatch", False)}
    press(other, "2", "x")
    says(other, "decision 2")
    assert len(valid(world)) == 2
    other.evaluate("window.dispatchEvent(new Event('focus'))")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    page.locator("#recent li").nth(1).wait_for()


def test_a_killed_server_is_told_and_nothing_is_claimed(browser, world):
    server = Server(world)
    page = open_page(browser, server)
    press(page, "Enter")
    says(page, "decision 1")
    server.kill()
    press(page, "Enter")
    says(page, "does not answer")
    shows(page, "Bad software")
    assert valid(world) == {("theft", THEFT): ("exactMatch", False)}
    page.context.close()
    server.stop()


def test_the_mouse_does_the_same_and_leaves_enter_alone(page, world):
    page.locator("#candidates tbody tr").nth(1).click()
    page.locator("#relation-b").click()
    page.locator("#add").click()
    says(page, "decision 1")
    page.locator("#help").click()
    page.locator("#keys button").click()
    press(page, "1", "n", "Enter")
    says(page, "decision 2")
    shows(page, "Bad software")
    assert valid(world) == {("theft", ROBBERY): ("broadMatch", False), ("theft", THEFT): ("narrowMatch", False)}


def test_a_key_waits_for_a_slow_disk_unless_it_was_a_slip(page, world):
    # The next category is shown before the save ends only once it has been fetched ahead: on a busy machine that takes a while.
    page.wait_for_function(
        "performance.getEntriesByType('resource').some((one) => one.name.includes('/api/item') && one.name.includes('malware') && one.responseEnd)"
    )
    page.wait_for_timeout(200)
    held = []
    page.route("**/api/decide", lambda route: route.continue_() if held else held.append(route))
    page.evaluate("['Enter', 'Enter'].forEach((key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })))")
    shows(page, "Bad software")
    page.wait_for_timeout(400)
    press(page, "x")
    assert len(held) == 1
    held[0].continue_()
    says(page, "decision 2")
    assert valid(world) == {("theft", THEFT): ("exactMatch", False), ("malware", known("malware")): ("exactMatch", True)}


def test_everything_decided_is_said(page, world):
    for number, name in enumerate(("Stealing", "Bad software", "Tricks for money", "Odd things", "Cruelty"), 1):
        shows(page, name)
        press(page, "Enter")
        says(page, f"decision {number}" if number < 5 else "Everything is decided")
    assert page.locator("#count").inner_text() == "5 of 5 decided" and len(valid(world)) == 5
    assert page.errors == []


def test_only_the_page_itself_is_asked_and_nothing_complains(page, server):
    press(page, "Enter", "/", "Escape", "t", "Escape", "?", "Escape", "ArrowRight", "ArrowDown")
    page.wait_for_timeout(300)
    assert page.errors == [] and all(url.startswith(f"http://{server.host}/") for url in page.requests if not url.startswith("data:"))


def test_hostile_names_are_text(browser, tmp_path):
    categories = {
        f"c{number}": {"name": text, "definition": f"{text} {text}", "code": text, "native": (f"{text} {number}",)} for number, text in enumerate(HOSTILE)
    }
    categories["c1"]["parent"] = categories["c2"]["parent"] = "c0"
    server = Inside(World(tmp_path, categories, dict.fromkeys(categories, PROPOSED["theft"])), HOSTILE[0])
    page = open_page(browser, server)
    for number in range(12):
        press(page, "c")
        page.keyboard.type(HOSTILE[number])
        press(page, "Enter", "Enter")
        says(page, f"decision {number + 1}.")
    press(page, "Shift+B", "Escape", "t")
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None and page.errors == []
    shown = page.evaluate("document.documentElement.innerText")
    assert "<script>window.hit=1</script>" in shown and "{{7*7}}" in shown and not set("\u202e\u200b\x00\x1b\u2028\ufeff") & set(shown)
    assert all(url.startswith(f"http://{server.host}/") for url in page.requests if not url.startswith("data:"))
    page.context.close()
    server.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_hindrance_for_anybody(browser, server, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page = open_page(browser, server, bypass_csp=True, color_scheme=scheme)
    press(page, "x", "a")
    page.wait_for_timeout(400)
    for keys in ((), ("t",), ("Escape", "?"), ("Escape", "Shift+B")):
        press(page, *keys)
        page.wait_for_timeout(200)
        found = [item for item in axe.Axe().run(page).response["violations"] if item["impact"] in ("serious", "critical")]
        assert found == [], [(keys, item["id"], [node["target"] for node in item["nodes"]][:3]) for item in found]
    page.context.close()


def test_the_next_item_is_there_at_once(browser, tmp_path):
    categories = {f"c{number}": {**CATEGORIES["theft"], "name": f"Kind {number}"} for number in range(200)}
    world = World(tmp_path, categories, dict.fromkeys(categories, PROPOSED["theft"]))
    server = Server(world)
    page = open_page(browser, server)
    for number in range(40):
        press(page, "Enter")
        says(page, f"decision {number + 1}.")
    times = page.evaluate("['next', 'painted'].map(name => performance.getEntriesByName(name).map(one => one.duration).sort((a, b) => a - b))")
    for name, found in zip(("next item drawn", "next item painted"), times, strict=True):
        sys.stdout.write(f"{name}: median {found[len(found) // 2]:.0f} ms, 95 % {found[int(len(found) * 0.95)]:.0f} ms, of {len(found)}\n")
    assert len(times[0]) == 40 and times[0][20] < 1000
    page.context.close()
    server.stop()


def test_revising_asks_about_each_open_row_once(browser, tmp_path):
    world = World(tmp_path)
    session = world.session()
    for concept, predicate in ((THEFT, "skos:relatedMatch"), (ROBBERY, "skos:relatedMatch")):
        session.decide(Wish(id=f"before-{concept}", action="accept", category="theft", concept=concept, predicate=predicate, seen=session.state("theft")))
    session.journal.path.unlink()
    server = Inside(world, revise=True)
    page = open_page(browser, server)
    press(page, "n", "Enter")
    says(page, "decision 1")
    shows(page, "Stealing")
    press(page, "Enter")
    says(page, "Everything is decided")
    assert sorted(predicate for predicate, _ in valid(world).values()) == ["narrowMatch", "relatedMatch"] and page.errors == []
    page.context.close()
    server.stop()
