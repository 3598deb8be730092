// The two dialogs: which key does what, and accepting many at once.
import { get, post } from "./net.js";
import { WORDS, byId, el, name } from "./view.js";

const KEYS = [
  ["⏎", "accept the selected candidate with the relation shown, and go on"], ["A", "accept it and stay, for a category with several concepts"], ["X", "reject it: this pair is never proposed again"],
  ["E  N  B  R", "relation: is exactly, contains (the concept is narrower), lies inside (it is broader), overlaps (related)"], ["↑ ↓  1–9", "select a candidate"], ["0", "no concept fits"],
  ["S", "unsure: set aside, asked again at the end"], ["D", "withdraw what was decided about the selected concept"], ["C", "note, for the next decision; without one, the words shown there are the comment"],
  ["U", "undo your last decision, as often as you like"], ["/", "search all concepts"], ["T", "the tree of concepts"], ["← →", "category before, after"], ["J", "next open category"], ["⇧B", "accept many"], ["Esc", "back to the candidates"],
];

export function help() {
  const box = byId("keys");
  box.replaceChildren(el("h2", null, "Keys"), el("dl", { class: "keys" }, KEYS.flatMap(([key, what]) => [el("dt", null, key.split(/ +/).map((one) => el("kbd", null, one))), el("dd", null, what)])), closing(box));
  box.showModal();
}

const closing = (box, ...more) => el("p", { class: "line" }, ...more, el("button", { type: "button", on: { click: () => box.close() } }, "Close"));

export function many(done) {
  const box = byId("many"), least = el("input", { type: "number", min: "0", max: "1", step: "0.01", value: "0.90", id: "least", "aria-label": "Least confidence" });
  const told = el("p", { role: "status" }), hits = el("ul", { class: "sure-list", tabindex: "0", "aria-label": "What would be accepted" }), go = el("button", { type: "button", class: "main", id: "go" }, "Accept");
  let expected = 0;
  const look = async () => {
    const value = Number(least.value);
    if (!(value >= 0 && value <= 1) || least.value === "") return;
    try {
      const { sure } = await post("/api/bulk", { least: value, expected: null });
      if (Number(least.value) !== value) return;
      expected = sure.length;
      told.textContent = sure.length ? `${sure.length} open ${sure.length === 1 ? "category has a best candidate" : "categories have a best candidate"} of this confidence or more${sure.length > 50 ? "; showing 50 of them" : ""}.` : "No open category has a best candidate of this confidence.";
      hits.replaceChildren(...sure.slice(0, 50).map(([category, predicate, concept, confidence]) => el("li", null, name(category), el("span", { class: "small" }, ` ${WORDS[predicate]} `), name(concept), el("span", { class: "small" }, ` ${confidence.toFixed(2)}`))));
    } catch (error) {
      told.textContent = error.message;
    }
    go.disabled = !expected;
  };
  go.addEventListener("click", async () => {
    try {
      const answer = await post("/api/bulk", { least: Number(least.value), expected });
      box.close();
      await done(answer);
    } catch (error) {
      await look();
      told.textContent = error.message;
    }
  });
  least.addEventListener("input", look);
  box.replaceChildren(el("h2", null, "Accept many"), el("p", null, "The best candidate of every open category whose confidence is at least ", least, ". One undo takes all of it back."), told, hits, closing(box, go));
  box.showModal();
  look();
}
