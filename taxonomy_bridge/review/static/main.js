// State and keys. A decision is on the disk before the next category is shown.
import { get, post } from "./net.js";
import { byId, WORDS, SIGNS } from "./view.js";
import * as view from "./view.js";
import * as side from "./side.js";
import * as dialogs from "./dialogs.js";

const state = { item: null, rows: [], at: 0, busy: false, held: null, shown: 0, started: 0 };
const RELATIONS = [["e", "skos:exactMatch"], ["n", "skos:narrowMatch"], ["b", "skos:broadMatch"], ["r", "skos:relatedMatch"]];
const current = () => state.rows[state.at];
const pulse = ({ statuses, recent, undo }) => Object.assign(state, { statuses, recent, undo });

function say(text, kind = "") {
  byId("message").textContent = text;
  byId("message").className = kind;
}

function take(item, at) {
  const kept = new Map(state.item?.slug === item.slug ? state.rows.map((one) => [one.concept, one]) : []);
  const first = item.candidates.map((one, place) => ({ ...one, key: place + 1, chosen: one.predicate }));
  const known = new Set(first.map((one) => one.concept));
  const added = [...kept.values()].filter((one) => one.added && !known.has(one.concept)).map((one, place) => ({ ...one, key: first.length + place + 1 }));
  state.rows = [...(item.nothing ? [{ nothing: true, confidence: item.nothing_confidence, row: "" }] : []), ...first, ...added];
  state.item = item;
  const free = state.rows.findIndex((one) => (state.revise ? !one.touched : !one.row));
  const same = at === undefined ? -1 : state.rows.findIndex((one) => one.concept === at);
  state.at = same >= 0 ? same : Math.max(item.status === "mapped" && !state.revise ? 0 : free, 0);
}

function around() {
  view.list(state, choose);
  view.progress(state);
  view.recent(state, undo, choose);
}

function draw() {
  if (state.drawn !== state.item.slug) Object.assign(state, { drawn: state.item.slug, shown: performance.now() });
  view.item(state, choose);
  around();
  select(state.at);
  if (!byId("find").hidden) side.find(state, byId("query").value, pick);
}

function select(at) {
  state.at = Math.max(0, Math.min(state.rows.length - 1, at));
  view.candidates(state, select);
  side.concept(state);
  const one = current(), decided = one && !one.nothing;
  byId("sentence").replaceChildren(...(decided ? [view.name(state.item.name), ` ${one.row === "rejected" ? "does not map to" : WORDS[one.chosen]} `, view.name(state.byId.get(one.concept)?.name || one.concept)] : [view.name(state.item.name), one ? ": no concept fits" : ""]));
  byId("note").placeholder = decided ? one.words : "";
  for (const [key, predicate] of RELATIONS) byId(`relation-${key}`).setAttribute("aria-pressed", String(Boolean(decided) && one.chosen === predicate));
  byId("clear").disabled = !one?.row;
}

// A key that comes while a decision is being saved waits for it, if its category was in view for long enough to be read; else it was a slip.
const READ = 150;

async function act(deed) {
  if (state.busy) {
    if (performance.now() - state.shown > READ) state.held = { deed, slug: state.item.slug };
    return;
  }
  state.busy = true;
  try {
    await deed();
    if (state.held?.slug === state.item.slug) setTimeout(act, 0, state.held.deed);
  } catch (error) {
    if (error.status === 409) await look(error.message);
    else say(error.message, "bad");
    if (error.status === undefined) throw error;
  } finally {
    state.busy = false;
    state.held = null;
  }
}

async function look(message) {
  const slug = state.item.slug, answer = await get("/api/item", { slug });
  pulse(answer);
  take(answer.item, current()?.concept);
  draw();
  say(message, "bad");
}

const choose = (slug) => act(async () => {
  const answer = await get("/api/item", { slug });
  pulse(answer);
  show(answer.item);
  prepare();
  say("");
});

function measured() {
  const start = state.started;
  if (!start) return;
  state.started = 0;
  performance.measure("next", { start, end: performance.now() });
  requestAnimationFrame(() => setTimeout(() => performance.measure("painted", { start, end: performance.now() }), 0));
}

function following() {
  const at = state.items.findIndex((one) => one.slug === state.item.slug), many = state.items.length;
  const order = state.items.map((_, by) => (at + 1 + by) % many).filter((place) => place !== at);
  return state.items[order.find((place) => state.statuses[place] === "o") ?? order.find((place) => state.statuses[place] === "u")]?.slug;
}

// The next category is fetched while this one is read, so that it is there at once. Keys wait until the decision is on the disk.
async function prepare() {
  const slug = following();
  if (!slug || state.ahead?.slug === slug) return;
  const answer = await get("/api/item", { slug }).catch(() => null);
  if (answer) state.ahead = answer.item;
}

function show(item) {
  take(item);
  byId("note").value = "";
  draw();
}

async function decide(action, stay, more = {}) {
  const one = current(), about = ["none", "unsure"].includes(action) ? {} : { concept: one.concept, predicate: one.chosen };
  const kept = { item: state.item, rows: state.rows, at: state.at, note: byId("note").value };
  const wish = { action, category: state.item.slug, seen: state.item.state, note: kept.note, ...about, ...more };
  const early = !stay && !state.revise && state.ahead?.slug === following() ? state.ahead : null;
  if (early) {
    show(early);
    measured();
  }
  const answer = await post("/api/decide", wish).catch((error) => {
    if (early) {
      Object.assign(state, { item: kept.item, rows: kept.rows, at: kept.at });
      byId("note").value = kept.note;
      draw();
    }
    throw error;
  });
  pulse(answer);
  if (stay || (state.revise && answer.item.candidates.some((each) => !each.touched))) {
    take(answer.item, stay === "here" ? one?.concept : undefined);
    if (stay === "on" && answer.item.status === "mapped") state.at = Math.max(state.rows.findIndex((each) => !each.row && !each.nothing), 0);
    byId("note").value = "";
    draw();
    return say(`Saved as decision ${answer.number}.`);
  }
  if (early && answer.next?.slug === early.slug && answer.next.state === early.state) around();
  else show(answer.next || answer.item);
  measured();
  if (answer.ahead) state.ahead = answer.ahead;
  prepare();
  if (!answer.next) return say("Everything is decided. Stop the command in the terminal; it says what comes next.", "good");
  return say(`Saved as decision ${answer.number}.${answer.next.status === "unsure" ? " Only categories that were set aside are left." : ""}`);
}

const accept = (stay) => act(async () => {
  const one = current();
  if (!one) return say("There is no candidate. Search with / or press 0 if no concept fits.", "bad");
  if (one.nothing) return decide("none");
  const same = one.row === "accepted" && one.chosen === one.predicate && !byId("note").value;
  if (same && !stay && !state.revise) return go();
  return decide("accept", stay ? "on" : "");
});

async function go() {
  const slug = following();
  if (!slug) return say("Everything is decided.", "good");
  const answer = await get("/api/item", { slug });
  pulse(answer);
  show(answer.item);
  measured();
  prepare();
  return say("");
}

const withOne = (deed) => { const one = current(); if (one && !one.nothing) deed(one); };
const relate = (predicate) => withOne((one) => {
  one.chosen = predicate;
  if (one.row === "accepted" && one.predicate !== predicate && (!state.revise || one.touched)) act(() => decide("accept", "here").catch((error) => { one.chosen = one.predicate; select(state.at); throw error; }));
  else select(state.at);
});
const undo = (number = null) => act(async () => {
  const answer = await post("/api/undo", { number });
  pulse(answer);
  show(answer.item);
  prepare();
  say("Undone.");
});
const step = (by) => choose(state.items[(state.items.findIndex((one) => one.slug === state.item.slug) + by + state.items.length) % state.items.length].slug);

const pick = (id) => act(async () => {
  let at = state.rows.findIndex((one) => one.concept === id);
  if (at < 0) {
    const { words } = await get("/api/words", { slug: state.item.slug, concept: id });
    at = state.rows.push({ concept: id, predicate: "skos:relatedMatch", chosen: "skos:relatedMatch", row: "", added: true, key: state.rows.filter((one) => !one.nothing).length + 1, words, confidence: null }) - 1;
  }
  side_("concept");
  select(at);
  document.activeElement?.blur();
  say("Choose the relation with E, N, B or R, then accept.");
});

function side_(which) {
  byId("concept").hidden = which !== "concept";
  byId("find").hidden = which === "concept";
  for (const one of ["concept", "find", "tree"]) byId(`show-${one}`).setAttribute("aria-pressed", String(one === which));
  if (which === "concept") return;
  if (which === "tree") byId("query").value = "";
  side.find(state, byId("query").value, pick);
  if (which === "find") byId("query").select();
  byId(which === "find" ? "query" : "hits").focus();
}

const DEEDS = {
  Enter: () => accept(false), a: () => accept(true), x: () => withOne(() => act(() => decide("reject", "on"))), d: () => withOne((one) => one.row && act(() => decide("clear", "here"))),
  0: () => act(() => decide("none")), s: () => act(() => decide("unsure")), c: () => byId("note").focus(), u: () => undo(), "/": () => side_("find"), t: () => side_("tree"),
  ArrowDown: () => select(state.at + 1), ArrowUp: () => select(state.at - 1), ArrowRight: () => step(1), ArrowLeft: () => step(-1), j: () => act(go), B: () => dialogs.many(bulk), "?": () => dialogs.help(), Escape: () => side_("concept"),
  ...Object.fromEntries(RELATIONS.map(([key, predicate]) => [key, () => relate(predicate)])),
};
const MOVES = new Set(["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight"]);

async function bulk(answer) {
  pulse(answer);
  const shown = await get("/api/item", { slug: answer.next || state.item.slug });
  show(shown.item);
  prepare();
  say(answer.next ? "Accepted together. U takes all of it back." : "Everything is decided.", "good");
}

function inList(event) {
  const hits = [...document.querySelectorAll("#hits .hit")], at = hits.indexOf(document.activeElement);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const to = at + (event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    if (to < 0) byId("query").focus();
    else hits[Math.min(to, hits.length - 1)]?.focus();
  } else if (event.key === "Enter" && event.target === byId("query") && hits.length) {
    event.preventDefault();
    hits[0].click();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !state.item || document.querySelector("dialog[open]")) return;
  const typing = event.target.matches("input"), finding = byId("find").contains(event.target);
  if (event.key === "Escape") {
    event.target.blur();
    return side_("concept");
  }
  if (finding) inList(event);
  if (event.target === byId("note") && event.key === "Enter") return event.target.blur();
  if (typing || (finding && event.key.startsWith("Arrow"))) return undefined;
  if (event.key === "Enter" && event.target.matches("button, a, summary")) return undefined;
  const digit = /^[1-9]$/.test(event.key) ? state.rows.findIndex((one) => one.key === Number(event.key)) : -1;
  const key = event.key.length === 1 && !(event.shiftKey && event.key === "B") ? event.key.toLowerCase() : event.key;
  if (digit < 0 && !Object.hasOwn(DEEDS, key)) return undefined;
  event.preventDefault();
  if (event.repeat && !MOVES.has(key)) return undefined;
  if (digit >= 0) return select(digit);
  state.started = event.timeStamp;
  return DEEDS[key]();
});

async function watch() {
  if (document.hidden || state.busy || !state.item || document.querySelector("dialog[open]")) return;
  const slug = state.item.slug;
  try {
    const answer = await get("/api/pulse", { slug });
    if (state.busy || state.item.slug !== slug) return;
    pulse(answer);
    around();
    if (answer.state !== state.item.state) await look("This category was decided elsewhere; this is how it stands now.");
  } catch (error) {
    say(error.message, "bad");
  }
}

async function start() {
  const all = await get("/api/overview");
  Object.assign(state, all, { byId: side.index(all.concepts) });
  document.title = `Review: ${all.title}`;
  byId("title").textContent = all.title;
  byId("author").textContent = `by ${all.author}`;
  byId("author").title = all.output;
  byId("relations").replaceChildren(...RELATIONS.map(([key, predicate]) => view.el("button", { type: "button", id: `relation-${key}`, title: predicate, on: { click: () => relate(predicate) } }, view.el("span", { class: "sign" }, SIGNS[predicate]), `${WORDS[predicate]} `, view.el("kbd", null, key.toUpperCase()))));
  const buttons = { accept: "Enter", add: "a", reject: "x", clear: "d", none: "0", unsure: "s", undo: "u", bulk: "B", help: "?", "show-concept": "Escape", "show-find": "/", "show-tree": "t" };
  for (const [id, key] of Object.entries(buttons)) byId(id).addEventListener("click", () => DEEDS[key]());
  // A button that was clicked with the mouse must not answer the next Enter.
  document.addEventListener("click", (event) => { if (event.detail && event.target.closest("button")) document.activeElement?.blur(); });
  byId("query").addEventListener("input", () => side.find(state, byId("query").value, pick));
  window.addEventListener("focus", watch);
  setInterval(watch, 5000);
  const answer = await get("/api/item", { slug: location.hash.slice(1) || all.next }).catch(() => get("/api/item", { slug: all.next }));
  pulse(answer);
  show(answer.item);
  prepare();
}

start().catch((error) => say(error.message, "bad"));
