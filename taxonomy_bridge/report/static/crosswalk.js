"use strict";
const table = byId("map");
const why = byId("why");
const CLASSES = Object.keys(data.relations);
const sides = data.sides.map((side, number) => {
  const texts = [...byId(`categories-${number}`).tBodies[0].rows];
  const evidence = [...byId(`rows-${number}`).tBodies[0].rows];
  return {
    id: side.id,
    cut: side.cut,
    categories: side.categories.map(([id, name, parent, certain, open], at) => ({
      id, name, parent, at, extent: extent(certain, open), line: texts[at], definition: texts[at].cells[1].textContent, search: fold(`${id} ${texts[at].cells[0].textContent} ${texts[at].cells[1].textContent}`),
    })),
    rows: side.rows.map(([category, concept], at) => ({ category, concept, line: evidence[at] })),
  };
});
const [first, second] = sides;
sides.forEach((side) => side.categories.forEach((category) => {
  category.depth = category.parent < 0 ? 0 : side.categories[category.parent].depth + 1;
}));
const conceptId = (place) => data.concepts[place][0];
const conceptName = (place) => data.concepts[place][1];
const lines = [...table.tBodies[0].rows].map((row) => ({ row, category: first.categories[Number(row.dataset.at)] }));
const columns = [...table.tHead.rows[0].cells].slice(1).map((head) => ({ head, category: second.categories[Number(head.dataset.at)] }));
const kindOf = (cell) => CLASSES.find((kind) => cell.classList.contains(kind)) || "d";

// --- Why a cell is what it is ------------------------------------------------------------------

const inId = (places) => [...places].sort((a, b) => (conceptId(a) < conceptId(b) ? -1 : 1));
const minus = (a, b) => new Set([...a].filter((item) => !b.has(item)));
const EMPTY = { inner: new Set(), outer: new Set() };

// Concepts that either side may cover, those that make or break the relation first.
function order(relation, one, other) {
  let telling = meet(one.outer, other.outer);
  if (relation === "narrower") telling = [...one.outer];
  if (relation === "broader") telling = [...other.outer];
  telling = inId(telling);
  if (relation === "overlapping") telling = [...inId(meet(one.inner, other.inner)), ...inId(minus(one.outer, other.inner)), ...inId(minus(other.outer, one.inner))];
  return [...new Set([...telling, ...inId(new Set([...one.outer, ...other.outer]))])];
}

// The shortest way from one category to another along parents and twins.
function way(start, end) {
  if (!(start in data.steps)) return [];
  const before = new Map([[start, null]]);
  const queue = [start];
  for (const here of queue) {
    if (here === end) {
      const found = [];
      for (let at = end; at !== null; at = before.get(at)) found.unshift(at);
      return found;
    }
    for (const next of data.steps[here] || []) {
      if (!before.has(next)) {
        before.set(next, here);
        queue.push(next);
      }
    }
  }
  return [];
}

function stated(a, b) {
  const up = way(a, b);
  return up.length ? up : way(b, a).reverse();
}

function reason(relation, a, b, one, other) {
  const path = stated(a.id, b.id);
  if (relation === "not comparable") {
    const names = [a, b].filter((category) => !category.extent).map((category) => category.id).join(" and ");
    return `${names} has no extent: it is no harm, or nobody has mapped it.`;
  }
  if (path.length && ["equal", "narrower", "broader"].includes(relation)) return `Publishers state it: ${path.join(" - ")}.`;
  return {
    equal: "Both cover the same concepts, and nothing is left open.",
    narrower: `Everything that ${a.id} may cover (${one.outer.size}) is certainly in ${b.id}.`,
    broader: `Everything that ${b.id} may cover (${other.outer.size}) is certainly in ${a.id}.`,
    disjoint: "They have no possible concept in common.",
    overlapping: `They certainly share ${meet(one.inner, other.inner).length} concepts, and neither lies certainly inside the other.`,
    unclear: `They may share ${meet(one.outer, other.outer).length} concepts; no definition says so for certain.`,
  }[relation];
}

// The mapping rows that put a concept into a category: its own and those of categories below it, about the concept or one around it.
function evidence(side, category, concept) {
  const around = [];
  for (let at = concept; at >= 0; at = data.concepts[at][2]) around.push(at);
  const below = (at) => at === category.at || (side.categories[at].parent >= 0 && below(side.categories[at].parent));
  return side.rows.filter((row) => around.includes(row.concept) && below(row.category));
}

const standing = (one, concept) => (one.inner.has(concept) ? "certain" : one.outer.has(concept) ? "possible" : "no");

function rowLine(row) {
  const [category, predicate, concept, comment, author] = [...row.line.cells].map((cell) => cell.textContent.trim());
  return make("div", { class: "row" }, isolated(comment), make("small", null, isolated(category), " ", make("code", null, predicate), " ", isolated(concept), ` (${author})`));
}

function conceptLine(a, b, one, other, concept, open) {
  const rows = [[first, a, one], [second, b, other]].flatMap(([side, category, held]) => {
    const found = held.outer.has(concept) ? evidence(side, category, concept) : [];
    const missing = held.outer.has(concept) && !found.length ? [make("p", { class: "small" }, side.cut ? `The rows of ${side.id} do not all fit on this page.` : "")] : [];
    return [...found.map(rowLine), ...missing];
  });
  const badge = (held) => make("span", { class: `side ${standing(held, concept)}` }, standing(held, concept));
  const box = make("details", { "data-concept": conceptId(concept) }, make("summary", null, isolated(conceptName(concept)), badge(one), badge(other)), ...rows);
  box.open = open;
  return make("li", null, box);
}

function tell(kind, a, b) {
  const [relation, words] = data.relations[kind];
  const one = a.extent || EMPTY;
  const other = b.extent || EMPTY;
  const concepts = order(relation, one, other);
  const about = (side, category) => [
    make("h3", null, isolated(category.name)),
    make("p", { class: "small" }, make("code", null, category.id), category.definition ? make("span", null, " ", isolated(category.definition)) : ""),
  ];
  const close = make("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  close.addEventListener("click", shut);
  why.replaceChildren(
    close, ...about(first, a), make("p", { class: "rel", "data-kind": relation }, sign(kind), words), ...about(second, b), make("p", { class: "reason" }, reason(relation, a, b, one, other)),
    concepts.length ? make("div", { class: "why" }, make("div", { class: "heads" }, make("span", null, "concept"), make("span", { title: first.id }, first.id), make("span", { title: second.id }, second.id))) : "",
    ...(concepts.length ? shortList(concepts, 12, "ul", { class: "why" }, (concept) => conceptLine(a, b, one, other, concept, concepts.length <= 3)) : []),
  );
  why.classList.remove("empty");
  why.scrollTop = 0;
}

function shut() {
  why.classList.add("empty");
  why.replaceChildren(make("p", { class: "hint" }, "Choose a cell to see the relation, the concepts on each side and the mapping rows behind them."));
  const cell = table.querySelector("td.on");
  if (cell) {
    mark(cell, false);
    cell.focus();
  }
}

// --- The map: choose with mouse or keys --------------------------------------------------------

let current = null;
const at = (cell) => [lines.findIndex((line) => line.row === cell.parentElement), cell.cellIndex - 1];
const cellAt = (row, column) => lines[row].row.cells[column + 1];

function mark(cell, on) {
  cell.classList.toggle("on", on);
  cell.setAttribute("aria-selected", String(on));
  columns[cell.cellIndex - 1].head.classList.toggle("at", on);
  cell.parentElement.cells[0].classList.toggle("at", on);
}

function enter(cell) {
  if (current) current.removeAttribute("tabindex");
  current = cell;
  cell.tabIndex = 0;
}

function choose(cell) {
  const [row, column] = at(cell);
  if (cell.classList.contains("none")) return;
  const before = table.querySelector("td.on");
  if (before) mark(before, false);
  enter(cell);
  mark(cell, true);
  tell(kindOf(cell), lines[row].category, columns[column].category);
}

function step(row, column, down, right) {
  let [y, x] = [row + down, column + right];
  while (y >= 0 && y < lines.length && x >= 0 && x < columns.length && (lines[y].row.hidden || columns[x].head.hidden)) [y, x] = [y + down, x + right];
  return y >= 0 && y < lines.length && x >= 0 && x < columns.length ? cellAt(y, x) : null;
}

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
table.setAttribute("role", "grid");
for (const cell of table.querySelectorAll(".corner")) cell.setAttribute("aria-hidden", "true");
if (lines.length && columns.length) enter(cellAt(0, 0));
table.addEventListener("click", (event) => {
  const cell = event.target.closest("tbody td");
  if (cell) choose(cell);
});
table.addEventListener("keydown", (event) => {
  const cell = event.target.closest("tbody td");
  if (!cell) return;
  const [row, column] = at(cell);
  let next = null;
  if (event.key in MOVES) next = step(row, column, ...MOVES[event.key]);
  else if (event.key === "Home") next = step(row, -1, 0, 1);
  else if (event.key === "End") next = step(row, columns.length, 0, -1);
  else if (event.key === "Enter" || event.key === " ") choose(cell);
  else return;
  event.preventDefault();
  if (next) {
    enter(next);
    next.focus();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && table.querySelector("td.on")) shut();
});
table.addEventListener("mouseover", (event) => {
  const cell = event.target.closest("tbody td");
  if (!cell || cell.title || cell.classList.contains("none")) return;
  const [row, column] = at(cell);
  cell.title = `${lines[row].category.name} ${data.relations[kindOf(cell)][1]} ${columns[column].category.name}`;
});

// --- Filters -----------------------------------------------------------------------------------

const picked = new Set();
const levels = byId("levels");
const deepest = Math.max(0, ...lines.map((line) => line.category.depth));
const LONG = 90;

function level() {
  return levels.value === "" ? deepest : Number(levels.value);
}

function filter() {
  const words = ["find-rows", "find-columns"].map((name) => fold(byId(name).value.trim()));
  const [rowOn, columnOn] = [lines, columns].map((side, number) => side.map((item) => item.category.search.includes(words[number])));
  lines.forEach((line, number) => { rowOn[number] = rowOn[number] && (words[0] !== "" || line.category.depth <= level()); });
  if (picked.size) {
    const lit = lines.map((line, row) => columns.map((_, column) => rowOn[row] && columnOn[column] && picked.has(kindOf(cellAt(row, column)))));
    lit.forEach((cells, row) => { rowOn[row] = cells.some(Boolean); });
    columnOn.forEach((_, column) => { columnOn[column] = lit.some((cells) => cells[column]); });
    lines.forEach((line, row) => columns.forEach((_, column) => cellAt(row, column).classList.toggle("lit", lit[row][column])));
  }
  table.classList.toggle("picked", picked.size > 0);
  columns.forEach((column, number) => {
    if (column.head.hidden === !columnOn[number]) return;
    column.head.hidden = !columnOn[number];
    lines.forEach((line) => { line.row.cells[number + 1].hidden = !columnOn[number]; });
  });
  lines.forEach((line, number) => { line.row.hidden = !rowOn[number]; });
  const shown = [rowOn, columnOn].map((side) => side.filter(Boolean).length);
  byId("shown").textContent = shown[0] === lines.length && shown[1] === columns.length ? "" : `showing ${shown[0]} of ${lines.length} rows, ${shown[1]} of ${columns.length} columns`;
  if (current && (current.parentElement.hidden || current.hidden)) {
    const row = rowOn.indexOf(true);
    const column = columnOn.indexOf(true);
    if (row >= 0 && column >= 0) enter(cellAt(row, column));
  }
  flow.redraw();
}

for (const key of [...byId("legend").children]) {
  const button = make("button", { type: "button", class: "key", "aria-pressed": "false", title: "Show only these" }, ...key.childNodes);
  key.replaceWith(button);
  button.addEventListener("click", () => {
    const kind = key.dataset.relation;
    if (!picked.delete(kind)) picked.add(kind);
    button.setAttribute("aria-pressed", String(picked.has(kind)));
    filter();
  });
}
for (const name of ["find-rows", "find-columns"]) byId(name).addEventListener("input", () => filter());
byId("clear").addEventListener("click", () => {
  picked.clear();
  levels.value = String(deepest);
  for (const name of ["find-rows", "find-columns"]) byId(name).value = "";
  for (const button of byId("legend").children) button.setAttribute("aria-pressed", "false");
  filter();
});
levels.addEventListener("change", () => filter());

// --- The flow ----------------------------------------------------------------------------------

const MOST_CONCEPTS = 32;
const MOST_CATEGORIES = 40;

// Visible categories with the concepts that no visible category below them covers as surely.
function hanging(side, visible) {
  const shown = new Set(visible.map((category) => category.at));
  const held = new Map(visible.filter((category) => category.extent).map((category) => [category.at, { inner: new Set(category.extent.inner), outer: new Set(category.extent.outer) }]));
  for (const category of visible) {
    if (!category.extent) continue;
    for (let up = category.parent; up >= 0; up = side.categories[up].parent) {
      if (!shown.has(up) || !held.has(up)) continue;
      for (const concept of category.extent.outer) {
        if (category.extent.inner.has(concept) || !held.get(up).inner.has(concept)) {
          held.get(up).outer.delete(concept);
          held.get(up).inner.delete(concept);
        }
      }
    }
  }
  return held;
}

const flow = { redraw() {} };

function flowParts() {
  const visible = [lines.filter((line) => !line.row.hidden), columns.filter((column) => !column.head.hidden)].map((side) => side.map((item) => item.category));
  const held = sides.map((side, number) => hanging(side, visible[number]));
  const tally = held.map((side) => {
    const count = new Map();
    for (const { inner, outer } of side.values()) for (const concept of outer) count.set(concept, (count.get(concept) || 0) + (inner.has(concept) ? 1000 : 1));
    return count;
  });
  const both = [...tally[0].keys()].filter((concept) => tally[1].has(concept));
  const weight = (concept) => Math.min(tally[0].get(concept), tally[1].get(concept));
  const kept = new Set([...both].sort((a, b) => weight(b) - weight(a) || a - b).slice(0, MOST_CONCEPTS));
  const links = [];
  const used = [new Set(), new Set()];
  held.forEach((side, number) => {
    const size = ([, one]) => [...one.outer].reduce((sum, concept) => sum + (kept.has(concept) ? (one.inner.has(concept) ? 1000 : 1) : 0), 0);
    const touching = [...side].filter((item) => size(item) > 0);
    used[number].total = touching.length;
    for (const [category, one] of [...touching].sort((a, b) => size(b) - size(a) || a[0] - b[0]).slice(0, MOST_CATEGORIES)) {
      used[number].add(category);
      for (const concept of one.outer) if (kept.has(concept)) links.push({ number, category, concept, certain: one.inner.has(concept) });
    }
  });
  const linked = [0, 1].map((number) => new Set(links.filter((link) => link.number === number).map((link) => link.concept)));
  const drawn = [...kept].filter((concept) => linked[0].has(concept) && linked[1].has(concept)).sort((a, b) => a - b);
  return { drawn, total: both.length, used, links: links.filter((link) => drawn.includes(link.concept)) };
}

function shortened(text, most) {
  const letters = [...text];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
}

picture(byId("flow"), (chart) => {
  const paint = () => {
    const { drawn, total, used, links } = flowParts();
    const ends = [0, 1].map((number) => new Set(links.filter((link) => link.number === number).map((link) => link.category)));
    const note = [`showing ${drawn.length} of ${total} concepts`, ...sides.map((side, number) => `${ends[number].size} of ${used[number].total} categories of ${side.id}`)];
    byId("flow-shown").textContent = `${note.join(", ")}.`;
    const width = Math.max(byId("flow").parentElement.clientWidth, 736);
    const height = Math.max(140, 22 * Math.max(drawn.length, ends[0].size, ends[1].size) + 40);
    byId("flow").style.height = `${height}px`;
    chart.resize({ width, height });
    const margin = Math.min(260, width * 0.24);
    const letters = Math.floor(margin / 6.6);
    const style = (position) => ({ position, color: colour("ink"), fontSize: 12, textBorderWidth: 0 });
    const node = (name, depth, text, tint, position) => ({ name, depth, text, itemStyle: { color: tint, borderWidth: 0 }, label: style(position) });
    const nodes = [
      ...[...ends[0]].sort((a, b) => a - b).map((place) => node(`a${place}`, 0, first.categories[place].name, colour("equal"), "left")),
      ...drawn.map((concept) => node(`c${concept}`, 1, conceptName(concept), colour("concept"), "right")),
      ...[...ends[1]].sort((a, b) => a - b).map((place) => node(`b${place}`, 2, second.categories[place].name, colour("broader"), "right")),
    ];
    const text = new Map(nodes.map((item) => [item.name, item.text]));
    chart.clear();
    if (!nodes.length) return;
    chart.setOption({
      animation: false,
      tooltip: {
        ...tipStyle(),
        formatter: ({ data: item }) => tip(item.source ? [`${text.get(item.source)} → ${text.get(item.target)}`, item.certain ? "covers it for certain" : "covers it possibly"] : [item.text]),
      },
      series: [{
        type: "sankey", left: margin, right: margin, top: 12, bottom: 12, nodeWidth: 9, nodeGap: 9, nodeAlign: "justify", draggable: false, layoutIterations: 64,
        label: { formatter: ({ name }) => shortened(text.get(name), name[0] === "c" ? Math.max(14, Math.floor((width - 2 * margin) / 2 / 7) - 3) : letters) },
        emphasis: { focus: "adjacency" },
        data: nodes,
        links: links.map((link) => ({
          source: link.number ? `c${link.concept}` : `a${link.category}`, target: link.number ? `b${link.category}` : `c${link.concept}`, value: 1, certain: link.certain,
          lineStyle: { color: link.number ? colour("broader") : colour("equal"), opacity: link.certain ? 0.62 : 0.16, curveness: 0.5 },
        })),
      }],
    }, true);
  };
  flow.redraw = paint;
  paint();
});

// Long trees open at their upper levels.
if (deepest > 0) {
  for (let number = 0; number <= deepest; number += 1) levels.append(make("option", { value: String(number) }, number === deepest ? "all" : String(number + 1)));
  byId("levels-label").hidden = false;
  let start = deepest;
  while (start > 0 && lines.filter((line) => line.category.depth <= start).length > LONG) start -= 1;
  levels.value = String(start);
  if (start < deepest) filter();
}
why.classList.add("empty");
