"use strict";
// What both pages use. Text from the data reaches the page through textContent only.
document.documentElement.classList.add("js");
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (name) => document.getElementById(name);

// An element: attributes by name, children as elements or text.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const isolated = (text) => make("bdi", null, text);

// "0-2 7" to [0, 1, 2, 7].
function numbers(text) {
  const found = [];
  for (const part of text.split(" ")) {
    if (!part) continue;
    const [first, last] = part.split("-").map(Number);
    for (let number = first; number <= (last === undefined ? first : last); number += 1) found.push(number);
  }
  return found;
}

// A category's extent from its two spans; null without one.
function extent(certain, open) {
  if (!certain && !open) return null;
  const inner = new Set(numbers(certain));
  return { inner, outer: new Set([...inner, ...numbers(open)]) };
}

const within = (a, b) => [...a].every((item) => b.has(item));
const meet = (a, b) => [...a].filter((item) => b.has(item));
const fold = (text) => text.normalize("NFKD").toLowerCase();
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const sign = (kind) => make("span", { class: `cell ${kind}`, "aria-hidden": "true" }, data.relations[kind][2]);

// A list of which the first `most` are shown, with a button for the rest.
function shortList(items, most, tag, attributes, show) {
  const list = make(tag, attributes);
  list.append(...items.slice(0, most).map(show));
  if (items.length <= most) return [list];
  const more = make("button", { type: "button" }, "Show all");
  const note = make("p", { class: "small" }, `showing ${most} of ${items.length} `, more);
  more.addEventListener("click", () => {
    list.append(...items.slice(most).map(show));
    note.remove();
  });
  return [list, note];
}

// Pictures are drawn when the library below has been read, and again when the width or the colour scheme changes.
function picture(element, draw) {
  document.addEventListener("DOMContentLoaded", () => {
    if (!window.echarts) return;
    const start = () => {
      const chart = echarts.init(element, null, { renderer: "svg" });
      draw(chart);
      let wait = 0;
      new ResizeObserver(() => {
        clearTimeout(wait);
        wait = setTimeout(() => draw(chart), 120);
      }).observe(element.parentElement);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(chart));
    };
    const watch = new IntersectionObserver((seen) => {
      if (seen.some((item) => item.isIntersecting)) {
        watch.disconnect();
        start();
      }
    }, { rootMargin: "600px" });
    watch.observe(element);
  });
}

// Tips of pictures: lines of plain text.
function tip(lines) {
  return make("div", { style: "max-width:22rem;white-space:normal" }, ...lines.filter(Boolean).map((line, at) => make("div", at ? { style: "opacity:.75" } : { style: "font-weight:600" }, line)));
}
const tipStyle = () => ({ backgroundColor: colour("paper"), borderColor: colour("line"), textStyle: { color: colour("ink"), fontSize: 13 }, confine: true });

// Tables whose head sorts them.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, at) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending" || (head.classList.contains("number") && !head.hasAttribute("aria-sort"));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[at].textContent.trim();
      const value = (row) => (head.classList.contains("number") ? parseFloat(key(row).replace(/,/g, "")) || 0 : key(row).toLowerCase());
      const rows = [...table.tBodies[0].rows].map((row) => [value(row), row]);
      rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  });
}
