// The service: a few questions at a time, each answer kept with its tag, so that an unchanged one is told from a new.

const BASE = new URL("api/analytics/", document.baseURI);
const AT_ONCE = 4;

/** A request that the service refused: its problem document. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? document.title ?? `The service answered ${status}.`);
    this.status = status;
    this.title = document.title ?? "The service can't answer";
    this.code = (document.type ?? "").split(":").pop();
    this.document = document;
  }
}

/** The service can't be reached. */
export class Offline extends Error {
  constructor() {
    super("The service can't be reached.");
    this.title = "No connection";
  }
}

const kept = new Map(); // address -> { tag, body, at }: what was last answered
const waiting = [];
let running = 0;

/** Return the address of a path with parameters, which are pairs. */
export function address(path, parameters = []) {
  const url = new URL(path, BASE);
  url.search = new URLSearchParams(parameters.filter(([, value]) => value !== null && value !== undefined)).toString();
  return url.href;
}

/** Ask for JSON. Returns `{ body, changed, at }`: whether it differs from the last answer, and when it came. */
export async function ask(path, parameters = [], { signal } = {}) {
  const url = address(path, parameters);
  await turn(signal);
  try {
    const before = kept.get(url);
    const answer = await send(url, { headers: before ? { "If-None-Match": before.tag } : {}, cache: "no-store", signal });
    if (answer.status === 304) {
      before.at = new Date();
      return { ...before, changed: false };
    }
    const made = { tag: answer.headers.get("ETag"), body: await answer.json(), at: new Date() };
    if (made.tag) kept.set(url, made);
    if (kept.size > 300) kept.delete(kept.keys().next().value);
    return { ...made, changed: before?.tag !== made.tag };
  } finally {
    release();
  }
}

/** Ask for a text, such as the statements of an answer. */
export async function text(path, parameters) {
  return (await send(address(path, parameters), { cache: "no-store" })).text();
}

/** Begin a session with a token. */
export async function signIn(token) {
  const body = JSON.stringify({ token });
  await send(address("session"), { method: "POST", headers: { "Content-Type": "application/json" }, body });
}

/** End the session. */
export async function signOut() {
  kept.clear();
  await send(address("session"), { method: "DELETE" });
}

/** Return whether the service wants tokens. */
export async function needsToken() {
  return (await (await send(address("session"), { cache: "no-store" })).json()).needed;
}

async function send(url, options) {
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin", ...options });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Offline();
  }
  if (answer.ok || answer.status === 304) return answer;
  throw new Problem(answer.status, await answer.json().catch(() => ({})));
}

function turn(signal) {
  if (running < AT_ONCE) {
    running += 1;
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    const place = { resolve };
    waiting.push(place);
    signal?.addEventListener("abort", () => {
      const at = waiting.indexOf(place);
      if (at >= 0) waiting.splice(at, 1);
      if (at >= 0) reject(new DOMException("not asked any more", "AbortError"));
    });
  });
}

function release() {
  const next = waiting.shift();
  if (next) next.resolve();
  else running -= 1;
}
