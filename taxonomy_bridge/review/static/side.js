// The right side: the selected concept, and the search and the tree over all concepts.
import { KINDS, bar, byId, el, name } from "./view.js";

const shown = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));

export function concept(state) {
  const one = state.rows[state.at], box = byId("concept");
  if (!one || one.nothing) {
    const tell = one ? ["The engine believes that no concept fits. If you agree, the candidates below are recorded as refuted, and nobody proposes them again."] : ["Select a candidate, or search."];
    box.replaceChildren(el("p", { class: "hint" }, ...tell));
    return;
  }
  const about = state.byId.get(one.concept) || { name: one.concept, scope: "", not: [], domain: "" };
  const evidence = (one.evidence || []).some((value) => value !== null);
  box.replaceChildren(
    el("p", { class: "over" }, name(about.domain || "Every domain")),
    el("h2", null, name(about.name)), el("p", { class: "id" }, el("code", null, one.concept), about.parent ? el("span", { class: "small" }, " inside ", name(about.parent)) : ""),
    el("p", { class: "scope", dir: "auto" }, about.scope),
    about.not.length ? el("ul", { class: "borders" }, about.not.map((other) => el("li", null, el("span", { class: "small" }, "not "), name(state.byId.get(other.concept)?.name || other.concept), el("span", { class: "small" }, ": "), name(other.because)))) : "",
    one.said ? el("p", { class: "said" }, el("strong", null, one.row), ` by `, name(one.said.author), `, ${one.said.date}: `, name(one.said.comment)) : "",
    one.said ? "" : el("p", { class: "rests" }, el("span", { class: "small" }, "Rests on "), name(one.words)),
    evidence ? el("dl", { class: "numbers" }, state.kinds.flatMap((kind, at) => one.evidence[at] === null ? [] : [el("dt", null, KINDS[kind]?.[1] || kind), el("dd", null, bar(one.evidence[at], kind), shown(one.evidence[at]))])) : "",
    one.confidence !== null && one.confidence !== undefined ? el("p", { class: "three small" }, `confidence ${shown(one.confidence)} · matcher score ${shown(one.score)} · P(concept | category) ${shown(one.given)}`) : "",
    one.comment ? el("p", { class: "small" }, name(one.comment)) : "",
  );
  requestAnimationFrame(() => { box.scrollTop = 0; });
}

const plain = (text) => text.toLocaleLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, "");

export function index(concepts) {
  const found = new Map();
  for (const group of concepts) {
    const above = [];
    for (const one of group.concepts) {
      above[one.depth] = one.name;
      found.set(one.id, { ...one, domain: group.domain, parent: one.depth ? above[one.depth - 1] : "", look: [plain(`${one.name} ${one.id}`), plain(one.scope), plain(one.not.map((other) => other.because).join(" "))] });
    }
  }
  return found;
}

function rank(one, words) {
  let total = 0;
  for (const word of words) {
    const [label, scope, borders] = one.look;
    const score = label.startsWith(word) ? 8 : label.includes(` ${word}`) ? 6 : label.includes(word) ? 4 : scope.includes(word) ? 2 : borders.includes(word) ? 1 : 0;
    if (!score) return 0;
    total += score;
  }
  return total;
}

export function find(state, query, pick) {
  const words = plain(query).split(/\s+/).filter(Boolean), all = [...state.byId.values()], box = byId("hits");
  const taken = new Map(state.rows.map((one) => [one.concept, one.row || "candidate"]));
  const row = (one, depth) => el("button", { type: "button", class: `hit d${depth}`, "data-concept": one.id, on: { click: () => pick(one.id) } },
    el("strong", null, name(one.name)), taken.has(one.id) ? el("span", { class: "mark" }, taken.get(one.id)) : "", words.length ? el("small", null, name(one.domain)) : "", el("span", { class: "scope" }, name(one.scope)));
  if (words.length) {
    const hits = all.map((one) => [rank(one, words), one]).filter(([score]) => score).sort((a, b) => b[0] - a[0]);
    const note = hits.length > 40 ? `showing 40 of ${hits.length}` : `${hits.length} of ${all.length} concepts`;
    box.replaceChildren(el("p", { class: "small" }, note), ...hits.slice(0, 40).map(([, one]) => row(one, 0)));
  } else {
    box.replaceChildren(...state.concepts.flatMap((group) => [el("h3", null, name(group.domain || "Every domain")), ...group.concepts.map((one) => row(state.byId.get(one.id), one.depth))]));
  }
  box.scrollTop = 0;
}
