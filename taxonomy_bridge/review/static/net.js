// Requests to the one server that gave this page. A request sent twice counts once: it keeps its id.

export class Refused extends Error {
  constructor(status, answer) {
    super(answer.error || "The server refused this.");
    this.status = status;
  }
}

export const identity = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function ask(path, options, patience) {
  let answer;
  for (let turn = 0; ; turn++) {
    try {
      answer = await fetch(path, { ...options, credentials: "same-origin" });
      break;
    } catch {
      if (turn >= patience) throw new Refused(0, { error: "The server does not answer. What was acknowledged is saved. Start the same command again and open its new link." });
      await new Promise((done) => setTimeout(done, 250));
    }
  }
  const json = (answer.headers.get("content-type") || "").startsWith("application/json");
  const value = json ? await answer.json() : { error: await answer.text() };
  if (!answer.ok) throw new Refused(answer.status, value);
  return value;
}

export const get = (path, values = {}) => ask(`${path}?${new URLSearchParams(values)}`, {}, 0);

export const post = (path, value) =>
  ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ id: identity(), ...value }) }, 2);
