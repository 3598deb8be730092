// What is drawn. Text from files only ever becomes text: there is no other way in `el`.

export const byId = (id) => document.getElementById(id);

export function el(tag, more, ...inside) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(more || {})) {
    if (key === "on") for (const [name, deed] of Object.entries(value)) node.addEventListener(name, deed);
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...inside.flat().filter((part) => part !== null && part !== undefined && part !== ""));
  return node;
}

export const name = (text) => el("bdi", null, text);
export const SIGNS = { "skos:exactMatch": "=", "skos:narrowMatch": "⊃", "skos:broadMatch": "⊂", "skos:relatedMatch": "∩" };
export const WORDS = { "skos:exactMatch": "is exactly", "skos:narrowMatch": "contains", "skos:broadMatch": "lies inside", "skos:relatedMatch": "overlaps" };
export const STATES = { o: ["○", "open"], m: ["●", "mapped"], n: ["∅", "no concept fits"], u: ["◐", "unsure"] };
export const KINDS = {
  lexical: ["words", "Names and aliases that read alike"], tfidf: ["tf-idf", "Rare words in common"], embedding: ["vectors", "Near in meaning, by an encoder"],
  neighbours: ["neighb.", "Where curated categories like this one lead"], structure: ["place", "Parents and siblings"],
  instances: ["rows", "Texts labelled under both"], judge: ["judge", "A language model's verdict"],
};
const number = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits).replace(/^0\./, "."));

export function bar(value, label, kind = "") {
  if (value === null || value === undefined) return el("span", { class: "nobar", role: "img", "aria-label": `${label}: none`, title: `${label}: none` }, "·");
  const inner = el("span");
  inner.style.width = `${Math.max(0, Math.min(1, value)) * 100}%`;
  return el("span", { class: `bar ${kind}`, role: "img", "aria-label": `${label}: ${number(value)}`, title: `${label}: ${number(value)}` }, inner);
}

export function list(state, choose) {
  const box = byId("list");
  if (!box.childElementCount) {
    box.append(...state.items.map((item) => el("button", { type: "button", class: `in d${Math.min(item.depth, 4)}`, "data-slug": item.slug, on: { click: () => choose(item.slug) } },
      el("span", { class: "state" }), el("span", { class: "label" }, name(item.name)))));
  }
  state.items.forEach((item, place) => {
    const row = box.children[place], [sign, word] = STATES[state.statuses[place]];
    if (row.dataset.state !== state.statuses[place]) {
      row.dataset.state = state.statuses[place];
      row.firstChild.textContent = sign;
      row.title = `${item.name}: ${word}`;
      row.firstChild.setAttribute("aria-label", word);
      row.firstChild.setAttribute("role", "img");
    }
    const here = item.slug === state.item?.slug;
    if (here !== (row.getAttribute("aria-current") === "true")) {
      row.setAttribute("aria-current", String(here));
      if (here) requestAnimationFrame(() => row.scrollIntoView({ block: "nearest" }));
    }
  });
}

export function progress(state) {
  const count = (letter) => state.statuses.filter((one) => one === letter).length;
  const done = count("m") + count("n"), aside = count("u");
  byId("bar").max = state.statuses.length;
  byId("bar").value = done;
  byId("count").textContent = `${done} of ${state.statuses.length} decided${aside ? `, ${aside} set aside` : ""}`;
  byId("undo").disabled = state.undo === null;
}

const DEEDS = { reject: "rejected", none: "no concept fits", unsure: "set aside", clear: "withdrew", bulk: "accepted together", undo: "undid" };

export function recent(state, undo, show) {
  byId("recent").replaceChildren(...state.recent.map((entry) => {
    const what = entry.action === "accept" ? `${WORDS[entry.predicate] || "accepted"} ${entry.concept}` : `${DEEDS[entry.action]} ${entry.concept}`;
    const label = entry.undoes ? `undid ${entry.undoes}` : what;
    return el("li", { class: entry.undone ? "undone" : "" },
      el("span", { class: "small" }, String(entry.number)),
      entry.category ? el("button", { type: "button", class: "plain", on: { click: () => show(entry.category) } }, name(entry.name), " ", el("span", { class: "small" }, label))
        : el("span", null, name(entry.name), " ", el("span", { class: "small" }, label)),
      entry.undoes || entry.undone ? "" : el("button", { type: "button", class: "plain back", title: `Undo decision ${entry.number}, by ${entry.author}`, "aria-label": `Undo decision ${entry.number}`, on: { click: () => undo(entry.number) } }, "↶"));
  }));
}

export function item(state, choose) {
  const one = state.item, under = new Set(state.items.map((other) => other.slug));
  const link = (other) => under.has(other.slug) ? el("button", { type: "button", class: "plain link", on: { click: () => choose(other.slug) } }, name(other.name)) : el("span", null, name(other.name));
  const row = (word, others) => others.length ? el("p", { class: "place" }, el("span", { class: "small" }, word), ...others.map(link)) : "";
  const [sign, word] = STATES[one.status[0]];
  byId("item").replaceChildren(
    el("p", { class: "over" }, one.above.length ? one.above.flatMap((other) => [name(other.name), " › "]) : "", el("code", null, one.id), " ", el("span", { class: `mark is-${one.status[0]}` }, `${sign} ${word}`)),
    el("h1", null, name(one.name), one.code && one.code !== one.name ? el("span", { class: "mark" }, name(one.code)) : "", one.residual ? el("span", { class: "mark" }, "only if nothing else fits") : ""),
    one.definition ? el("p", { class: "definition", dir: "auto" }, one.definition) : el("p", { class: "definition none" }, "No definition was published. Only the name speaks."),
    one.aside ? el("p", { class: "place" }, el("span", { class: "small" }, "Note"), name(one.aside)) : "",
    one.native.length ? el("p", { class: "place" }, el("span", { class: "small" }, "In data"), ...one.native.slice(0, 6).map((label) => el("code", null, name(label)))) : "",
    row("Below", one.below), row("Beside", one.beside.slice(0, 12)),
  );
  requestAnimationFrame(() => { byId("item").scrollTop = 0; });
}

export function candidates(state, select) {
  const kinds = state.kinds.map((kind) => KINDS[kind] || [kind, kind]);
  const head = el("tr", null, el("th", { scope: "col" }, el("span", { class: "hide" }, "Key")), el("th", { scope: "col" }, "Relation"), el("th", { scope: "col", class: "wide" }, "Concept"),
    el("th", { scope: "col", class: "sure" }, "Confidence"), ...kinds.map(([short, long]) => el("th", { scope: "col", title: long, class: "kind" }, short)));
  const rows = state.rows.map((one, place) => {
    const key = one.nothing ? "0" : one.key <= 9 ? String(one.key) : "";
    const relation = one.nothing ? ["∅", "nothing"] : [SIGNS[one.chosen], WORDS[one.chosen]];
    return el("tr", { "aria-current": String(place === state.at), class: `${one.row} ${one.added ? "added" : ""}`, on: { click: () => select(place) } },
      el("td", null, key ? el("kbd", null, key) : ""),
      el("td", { class: "relation" }, el("span", { class: "sign" }, one.row === "rejected" ? "≠" : relation[0]), one.row === "rejected" ? "rejected" : relation[1]),
      el("th", { scope: "row" }, name(one.nothing ? "No concept fits" : state.byId.get(one.concept)?.name || one.concept), (state.revise ? one.touched : one.row === "accepted") ? el("span", { class: "mark is-m" }, state.revise ? "decided" : "accepted") : "",
        one.nothing ? "" : el("small", null, name(state.byId.get(one.concept)?.domain || ""))),
      el("td", { class: "sure" }, el("span", { class: "figure" }, number(one.confidence)), bar(one.confidence, "confidence", "strong")),
      ...(one.evidence || state.kinds.map(() => null)).map((value, at) => el("td", { class: "kind" }, bar(value, kinds[at][1]))));
  });
  const box = byId("candidates");
  if (!rows.length) {
    box.replaceChildren(el("p", { class: "hint" }, "No candidate was proposed. Search with ", el("kbd", null, "/"), " or look through the tree with ", el("kbd", null, "T"), "."));
    return;
  }
  box.classList.toggle("bare", state.revise);
  box.replaceChildren(el("table", null, el("thead", null, head), el("tbody", null, rows)));
  // Asking for positions costs a layout; the first rows are always in view.
  if (state.at > 3) box.querySelector("tr[aria-current=true]")?.scrollIntoView({ block: "nearest" });
}
