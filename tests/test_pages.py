"""The HTML pages in a real browser: from disk, without a network, with and without scripts, with hostile names."""

from __future__ import annotations

import hashlib
import re

import pytest
from small_graphs import make_graph, make_rows, make_taxonomy, make_vocabulary

from taxonomy_bridge import paths
from taxonomy_bridge.crosswalks import crosswalk
from taxonomy_bridge.graph import load_graph
from taxonomy_bridge.report.crosswalk_page import crosswalk_page
from taxonomy_bridge.report.graph_page import graph_page
from taxonomy_bridge.report.html import MOST_BYTES

HOSTILE = [
    "<script>window.hit=1</script>", "</script><script>window.hit=1</script>", '"><img src=x onerror=window.hit=1>', "'><svg onload=window.hit=1>", "{{7*7}}", "{% raw %}", "${7*7}",
    "javascript:window.hit=1", "&lt;b&gt;", "<!--", "-->", "]]>", "<style>*{display:none}</style>", "<iframe src=//example.org>", "a\u202eb", "a\u200bb", "a\x00b", "a\x1b[31mb", "\u2028\u2029",
    "<a href=javascript:window.hit=1>x</a>", "\\u003cscript\\u003e", "<math><mtext><script>window.hit=1</script>", "`${window.hit=1}`", "<base href=//example.org>",
    "<meta http-equiv=refresh content=0;url=//example.org>", "<link rel=stylesheet href=//example.org>", "onmouseover=window.hit=1", "\" onclick=\"window.hit=1", "' onclick='window.hit=1",
    "<body onload=window.hit=1>", "<object data=//example.org>", "<embed src=//example.org>", "<form action=//example.org>", "<input autofocus onfocus=window.hit=1>", "%3Cscript%3E",
    "\ufeffx", "<title>x</title>", "<textarea>", "<noscript>", "={{constructor.constructor('window.hit=1')()}}",
]  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder, graph = tmp_path_factory.mktemp("pages"), load_graph()
    texts = {
        "crosswalk": crosswalk_page(crosswalk("beavertails", "aegis-2.0", graph), graph),
        "largest": crosswalk_page(crosswalk("air-2024", "salad-bench", graph), graph),
        "graph": graph_page(graph),
        "hostile": crosswalk_page(crosswalk("one", "two", hostile_graph()), hostile_graph()),
        "hostile-graph": graph_page(hostile_graph()),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


def hostile_graph():
    vocabulary = make_vocabulary("noise", "dust")
    concepts = tuple(
        concept.model_copy(update={"name": HOSTILE[number], "scope": HOSTILE[number + 2]}) for number, concept in enumerate(vocabulary.domains[0].concepts)
    )
    vocabulary = vocabulary.model_copy(update={"domains": (vocabulary.domains[0].model_copy(update={"concepts": concepts, "name": HOSTILE[1]}),)})
    lists = []
    for name in ("one", "two"):
        categories = {f"c{number}": {"name": text, "definition": text, "native": (f"{text} {number}",)} for number, text in enumerate(HOSTILE)}
        taxonomy = make_taxonomy(name, categories).model_copy(update={"title": HOSTILE[0], "publisher": HOSTILE[2], "note": HOSTILE[1]})
        lists.append((taxonomy, {slug: (["noise"], ["dust"]) for slug in categories}))
    graph = make_graph(vocabulary, *lists)
    for mapping in graph.mappings.values():
        assert len(make_rows(graph.taxonomies[mapping.taxonomy], lists[0][1])) == len(mapping.rows)
        for row, text in zip(mapping.rows, HOSTILE * 2, strict=True):
            row.values["comment"] = row.values["author_label"] = text
    return graph


def open_page(browser, path, scripts=True, **more):
    context = browser.new_context(java_script_enabled=scripts, viewport={"width": 1300, "height": 900}, **more)
    page = context.new_page()
    page.requests, page.errors = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("console", lambda message: page.errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("name", ["crosswalk", "largest", "graph", "hostile", "hostile-graph"])
def test_a_page_is_one_small_file_that_asks_for_nothing(browser, pages, name):
    path = pages / f"{name}.html"
    assert path.stat().st_size < MOST_BYTES
    page = open_page(browser, path)
    page.wait_for_timeout(300)
    assert page.requests == [path.as_uri()] and page.errors == []
    assert "http://" not in re.sub(r"<script.*?</script>", "", path.read_text(encoding="utf-8"), flags=re.S)
    page.context.close()


@pytest.mark.parametrize("name", ["hostile", "hostile-graph"])
def test_hostile_names_are_text(browser, pages, name):
    page = open_page(browser, pages / f"{name}.html")
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None
    shown = page.locator("main").text_content() + page.evaluate("document.body.innerText")
    assert "<script>window.hit=1</script>" in shown and "{{7*7}}" in shown and not set("\u202e\u200b\x00\x1b\u2028\ufeff") & set(shown)
    if name == "hostile":
        page.locator("#map tbody td").first.click()
        page.wait_for_timeout(200)
        assert page.evaluate("window.hit") is None and "noise" in page.locator("#why").inner_text()
    assert page.errors == []
    page.context.close()


def test_a_click_on_a_cell_explains_it_and_the_search_filters(browser, pages):
    page = open_page(browser, pages / "crosswalk.html")
    page.locator("#map tbody tr", has_text="Child Abuse").locator("td").nth(7).click()
    told = page.locator("#why").inner_text()
    behind = page.locator("#why").text_content()
    assert "Sexual (minor)" in told and "certain" in told and "maintainers" in behind and "narrowMatch" in behind
    rows = page.locator("#map tbody tr:visible").count()
    page.locator("#find-rows").fill("animal")
    page.wait_for_timeout(200)
    assert 0 < page.locator("#map tbody tr:visible").count() < rows
    page.locator("#clear").click()
    page.wait_for_timeout(200)
    assert page.locator("#map tbody tr:visible").count() == rows
    assert page.locator("#flow canvas, #flow svg").count() >= 1
    page.context.close()


def test_the_graph_page_finds_categories_and_concepts(browser, pages):
    page = open_page(browser, pages / "graph.html")
    page.locator("input[type=search]").first.fill("defamation")
    page.wait_for_timeout(300)
    assert "Defamation" in page.locator("#hits").inner_text() and page.locator("#hits li").count() >= 3
    page.context.close()


@pytest.mark.parametrize("name", ["crosswalk", "graph", "largest"])
def test_without_scripts_the_tables_say_everything(browser, pages, name):
    page = open_page(browser, pages / f"{name}.html", scripts=False)
    assert page.locator("table").count() >= 2 and page.locator("table td:visible").count() > 100
    page.context.close()


@pytest.mark.parametrize("name", ["crosswalk", "graph"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_hindrance_for_anybody(browser, pages, name, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page = open_page(browser, pages / f"{name}.html", bypass_csp=True, color_scheme=scheme)
    page.wait_for_timeout(300)
    found = [item for item in axe.Axe().run(page).response["violations"] if item["impact"] in ("serious", "critical")]
    assert found == [], [(item["id"], [node["target"] for node in item["nodes"]][:3]) for item in found]
    page.context.close()


def test_the_same_graph_gives_the_same_bytes():
    graph = load_graph()
    walk = crosswalk("beavertails", "hex-phi", graph)
    assert crosswalk_page(walk, graph) == crosswalk_page(walk, graph) and graph_page(graph) == graph_page(graph)


def test_files_of_others_are_listed_with_licence_and_sum():
    folder = paths.PACKAGE / "report" / "static"
    table = re.findall(r"^\| ([\w.-]+) \| .* \| ([0-9a-f]{128}) \|$", (folder / "VENDORED.md").read_text(encoding="utf-8"), re.M)
    assert {name for name, _ in table} == {path.name for path in folder.iterdir() if path.name.startswith("echarts")}
    for name, total in table:
        assert hashlib.sha512((folder / name).read_bytes()).hexdigest() == total
