"use strict";
const card = byId("card");
const concepts = data.concepts.map(([id, name, parent], at) => ({ kind: "concept", at, id: `concept:${id}`, name, parent, certain: [], possible: [] }));
const rows = [...document.querySelectorAll("details.list tbody tr")];
const categories = data.categories.map(([certain, open, above], at) => {
  const name = rows[at].cells[0].firstElementChild.textContent;
  return { kind: "category", at, id: rows[at].id, taxonomy: rows[at].closest("details").id, name, extent: extent(certain, open), above: new Set(numbers(above)) };
});
const byName = new Map([...concepts, ...categories].map((item) => [item.id, item]));
for (const category of categories) {
  if (!category.extent) continue;
  for (const concept of category.extent.outer) concepts[concept][category.extent.inner.has(concept) ? "certain" : "possible"].push(category);
}
const line = (item) => document.getElementById(item.id);
// Names in the tables become links to their own place: a card opens, and the address can be kept.
for (const item of byName.values()) {
  const row = line(item);
  if (row) {
    const name = row.cells[0].firstElementChild;
    const link = make("a", { href: `#${item.id}` });
    name.replaceWith(link);
    link.append(name);
  }
}
const place = (item) => make("a", { href: `#${item.id}` }, isolated(item.name));

// --- Relations, by the rules of the graph ------------------------------------------------------

function relation(a, b) {
  const up = a.above.has(b.at);
  const down = b.above.has(a.at);
  if (up || down) return up && down ? "e" : up ? "n" : "b";
  const [one, other] = [a.extent, b.extent];
  const exact = (held) => held.inner.size === held.outer.size;
  if (exact(one) && exact(other) && one.outer.size === other.outer.size && within(one.outer, other.outer)) return "e";
  if (within(one.outer, other.inner)) return "n";
  if (within(other.outer, one.inner)) return "b";
  if (!meet(one.outer, other.outer).length) return "d";
  return meet(one.inner, other.inner).length ? "o" : "u";
}

const RANK = Object.keys(data.relations);
function nearest(category) {
  const found = [];
  for (const other of categories) {
    if (!other.extent || other.taxonomy === category.taxonomy) continue;
    const common = meet(category.extent.outer, other.extent.outer).length;
    if (common) found.push({ other, likeness: common / (category.extent.outer.size + other.extent.outer.size - common) });
  }
  for (const item of found) item.kind = item.likeness > 0 ? relation(category, item.other) : "d";
  return found.sort((a, b) => b.likeness - a.likeness || RANK.indexOf(a.kind) - RANK.indexOf(b.kind) || (a.other.id < b.other.id ? -1 : 1)).slice(0, 12);
}

// --- Cards -------------------------------------------------------------------------------------

const conceptList = (held) => shortList([...held].sort((a, b) => a - b).map((at) => concepts[at]), 16, "ul", null, (item) => make("li", null, place(item)));

function categoryCard(category) {
  const row = line(category);
  const marks = row ? [...row.cells[0].querySelectorAll("code, .mark")].map((item) => item.cloneNode(true)) : [];
  const definition = row ? row.cells[1].textContent.trim() : "";
  const parts = [
    make("p", { class: "over" }, isolated(category.taxonomy)), make("h3", null, isolated(category.name)), make("p", { class: "small" }, make("code", null, category.id), " ", ...marks.flatMap((item) => [item, " "])),
    definition ? make("p", null, isolated(definition)) : make("p", { class: "small" }, "No definition is published."),
  ];
  if (!category.extent) return [...parts, make("p", { class: "small" }, "It has no extent: it is no harm, or nobody has mapped it.")];
  const open = [...category.extent.outer].filter((item) => !category.extent.inner.has(item));
  return [
    ...parts, make("h4", null, `Covers for certain (${category.extent.inner.size})`), ...conceptList(category.extent.inner),
    ...(open.length ? [make("h4", null, `Covers possibly (${open.length})`), ...conceptList(open)] : []),
    make("h4", null, "Nearest categories elsewhere"), make("p", { class: "small" }, "Sign: how this category lies to that one. Bar: shared possible concepts over all possible concepts of both."),
    make("ul", null, ...nearest(category).map(({ other, likeness, kind }) => make("li", { class: "likeness", "data-category": other.id, "data-kind": data.relations[kind][0], title: `${category.name} ${data.relations[kind][1]} ${other.name}` },
      sign(kind), make("span", null, place(other), " ", make("span", { class: "small" }, isolated(other.taxonomy))),
      make("span", { class: "bar", role: "img", "aria-label": `likeness ${likeness.toFixed(2)}` }, make("span", { style: `width:${(100 * likeness).toFixed(0)}%` }))))),
    make("p", { class: "small" }, "Why two of them relate as they do: ", make("code", null, `taxonomy-bridge explain ${category.id} OTHER`)),
  ];
}

const holders = (title, list) => [make("h4", null, `${title} (${list.length})`), ...shortList(list, 14, "ul", null, (item) => make("li", null, place(item), " ", make("span", { class: "small" }, isolated(item.taxonomy))))];

function conceptCard(concept) {
  const row = line(concept);
  const text = row ? [...row.cells[1].childNodes].map((node) => node.cloneNode(true)) : [];
  const inside = concept.parent > 0 ? make("p", { class: "small" }, "inside ", place(concepts[concept.parent])) : "";
  return [
    make("p", { class: "over" }, "Concept"), make("h3", null, isolated(concept.name)), make("p", { class: "small" }, make("code", null, concept.id)), inside,
    row ? make("p", null, ...text) : "", ...holders("Certain in", concept.certain), ...holders("Possible in", concept.possible),
  ];
}

let last = null;
function open(item) {
  const close = make("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  close.addEventListener("click", shut);
  card.replaceChildren(close, ...(item.kind === "category" ? categoryCard(item) : conceptCard(item)).filter(Boolean));
  card.classList.remove("empty");
  card.scrollTop = 0;
  if (last) last.classList.remove("on");
  last = line(item);
  if (last) {
    for (let box = last.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    last.classList.add("on");
  }
}

function shut() {
  card.classList.add("empty");
  card.replaceChildren(make("p", { class: "hint" }, "Choose a concept or a category to see its card."));
  history.replaceState(null, "", "#");
}

function follow() {
  const name = decodeURIComponent(location.hash.slice(1));
  const item = byName.get(name);
  if (item) open(item);
  else if (name && byId(name) && byId(name).tagName === "DETAILS") byId(name).open = true;
}

// A link to a card leaves the page where it is; only the address changes.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  const item = link && byName.get(decodeURIComponent(link.getAttribute("href").slice(1)));
  if (!item) return;
  event.preventDefault();
  history.pushState(null, "", link.getAttribute("href"));
  open(item);
});
addEventListener("hashchange", follow);
addEventListener("popstate", follow);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !card.classList.contains("empty")) shut();
  if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
    event.preventDefault();
    byId("find").focus();
  }
});

// --- Search ------------------------------------------------------------------------------------

const MOST_HITS = 60;
for (const item of byName.values()) {
  const row = line(item);
  item.head = fold(`${item.id} ${item.name} ${row ? row.cells[0].textContent : ""}`);
  item.text = item.head + (row ? ` ${fold(row.cells[1].textContent)}` : "");
}

function search() {
  const words = fold(byId("find").value).split(/\s+/).filter(Boolean);
  const has = (text) => words.every((word) => text.includes(word));
  const hits = words.length ? [...byName.values()].filter((item) => has(item.text)) : [];
  hits.sort((a, b) => has(b.head) - has(a.head));
  byId("found").textContent = words.length ? `showing ${Math.min(hits.length, MOST_HITS)} of ${hits.length}` : "";
  byId("hits").replaceChildren(...hits.slice(0, MOST_HITS).map((item) => make("li", null, place(item), " ", make("small", null, isolated(item.kind === "concept" ? "concept" : item.taxonomy)))));
}
byId("find").addEventListener("input", search);

// --- Who covers what ---------------------------------------------------------------------------

byId("cover").addEventListener("mouseover", (event) => {
  const cell = event.target.closest("tbody td");
  if (!cell || cell.title) return;
  const [name] = data.domains[cell.cellIndex - 1];
  const [certain, possible] = cell.textContent.trim().split("|");
  cell.title = `${cell.parentElement.cells[0].textContent.trim()}, ${name}: ${Number(certain) || 0} concepts for certain, ${Number(possible || certain) || 0} for certain or possibly`;
});

// --- The picture -------------------------------------------------------------------------------

const FULL = 0.6;
function channels(text) {
  const hex = text.replace("#", "");
  return [0, 2, 4].map((start) => parseInt(hex.slice(start, start + 2), 16));
}

function tint(share) {
  const [low, high] = ["low", "high"].map((name) => channels(colour(name)));
  const weight = Math.min(share / FULL, 1);
  const mixed = low.map((value, number) => Math.round(value + (high[number] - value) * weight));
  const light = mixed.reduce((sum, value, number) => sum + [0.2126, 0.7152, 0.0722][number] * (value / 255) ** 2.2, 0);
  return { color: `rgb(${mixed.join(",")})`, text: light > 0.18 ? "#10171f" : "#ffffff" };
}

picture(byId("picture"), (chart) => {
  const size = (item) => item.certain.length + item.possible.length;
  const leaf = (at) => {
    const item = concepts[at];
    const { color, text } = tint(size(item) ? item.certain.length / size(item) : 0);
    return { name: item.name, value: size(item), concept: at, itemStyle: { color }, label: { color: text } };
  };
  const domains = data.domains.map(([name, held]) => ({ name, children: numbers(held).filter((at) => size(concepts[at])).map(leaf) })).filter((domain) => domain.children.length);
  chart.resize();
  chart.setOption({
    animation: false,
    tooltip: {
      ...tipStyle(),
      formatter: ({ data: item }) => tip(item.concept === undefined ? [item.name, item.children ? `${item.children.length} concepts` : ""] : [item.name, `${concepts[item.concept].certain.length} categories cover it for certain`, `${concepts[item.concept].possible.length} possibly`]),
    },
    series: [{
      type: "treemap", left: 0, right: 0, top: 0, bottom: 30, roam: false, nodeClick: "zoomToNode", leafDepth: null, data: domains, squareRatio: 1.1,
      breadcrumb: { bottom: 2, height: 22, itemStyle: { color: colour("tint"), borderColor: colour("line"), textStyle: { color: colour("ink") } }, emphasis: { itemStyle: { color: colour("line"), textStyle: { color: colour("ink") } } } },
      name: "All domains",
      label: { fontSize: 11, lineHeight: 12.5, overflow: "break", lineOverflow: "truncate", ellipsis: "…", padding: 3, position: "insideTopLeft", textBorderWidth: 0 },
      upperLabel: { show: true, height: 20, color: colour("ink"), fontSize: 12, fontWeight: 600, padding: [0, 4], overflow: "truncate", textBorderWidth: 0 },
      itemStyle: { borderColor: colour("paper"), gapWidth: 1, borderWidth: 0 },
      levels: [{ itemStyle: { gapWidth: 4, borderWidth: 0 }, upperLabel: { show: false } }, { itemStyle: { gapWidth: 1, borderWidth: 2, borderColor: colour("tint"), color: colour("tint") }, upperLabel: { show: true } }, {}],
    }],
  }, true);
  chart.off("click");
  chart.on("click", ({ data: item }) => {
    if (item && item.concept !== undefined) {
      history.pushState(null, "", `#${concepts[item.concept].id}`);
      open(concepts[item.concept]);
    }
  });
});

card.classList.add("empty");
follow();
