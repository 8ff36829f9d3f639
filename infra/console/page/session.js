// What is asked of the server, and who is logged in.

export class Trouble extends Error {
  constructor(status, problem, text) {
    super(text);
    this.status = status;
    this.problem = problem;
  }
}

let who = { user: null };

export const user = () => who.user;

/** A document of the server. Raises Trouble for an answer that is no, TypeError where nobody answers. */
export async function get(path) {
  const answer = await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw await troubleOf(answer);
  return { document: await answer.json(), headers: answer.headers };
}

/** Does something. Raises as get does. */
export async function act(path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  if (who.action_token) headers["Checkline-Action"] = who.action_token;
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
  if (!answer.ok) throw await troubleOf(answer);
  const document = await answer.json();
  if ("user" in document) who = document;
  return document;
}

/** Who is logged in, by the cookie that scripts cannot read. */
export async function recall() {
  who = (await get("/api/session")).document;
}

export function forget() {
  who = { user: null };
}

async function troubleOf(answer) {
  try {
    const { problem, text } = await answer.json();
    return new Trouble(answer.status, problem, text);
  } catch {
    return new Trouble(answer.status, "no_answer", `HTTP ${answer.status}`);
  }
}
