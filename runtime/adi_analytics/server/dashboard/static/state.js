// What the page shows, which is what its address says: a link, the back button and a reload show the same.

const DEFAULTS = { range: "30d", by: "auto", zone: "", compare: "previous_period", about: "" };
const NAMES = { range: "range", by: "by", zone: "tz", compare: "compare", about: "about" };
const FILTER = "filter.";
const PANEL = "panel.";

/** Return the state that a query string means. */
export function parse(search) {
  const given = new URLSearchParams(search);
  const state = { ...DEFAULTS, filters: new Map(), choices: new Map() };
  for (const [key, name] of Object.entries(NAMES)) if (given.has(name)) state[key] = given.get(name);
  for (const [name, value] of given) {
    if (name.startsWith(FILTER)) append(state.filters, name.slice(FILTER.length), value);
    else if (name.startsWith(PANEL)) state.choices.set(name.slice(PANEL.length), value);
  }
  return state;
}

function append(map, key, value) {
  map.set(key, [...(map.get(key) ?? []), value]);
}

/** Return the query string of a state: what is as usual is left out. */
export function spell(state) {
  const made = new URLSearchParams();
  for (const [key, name] of Object.entries(NAMES)) if (state[key] !== DEFAULTS[key]) made.set(name, state[key]);
  for (const [name, values] of state.filters) for (const value of values) made.append(FILTER + name, value);
  for (const [name, value] of state.choices) made.set(PANEL + name, value);
  return made.toString();
}

class Store {
  #state = parse(location.search);
  #listeners = new Set();

  constructor() {
    addEventListener("popstate", () => {
      const next = parse(location.search);
      if (spell(next) !== spell(this.#state)) this.#take(next); // not only the fragment
    });
  }

  get state() {
    return this.#state;
  }

  /** Call `listener(state, before)` after each change; returns what ends that. */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Change the state, and the address with it. */
  set(change) {
    const next = { ...this.#state, ...change };
    const query = spell(next);
    if (query === spell(this.#state)) return;
    history.pushState(null, "", query ? `?${query}` : location.pathname);
    this.#take(next);
  }

  /** Let only these values of a dimension count; none lets all. `null` is a row without a value. */
  filter(dimension, values) {
    const filters = new Map(this.#state.filters);
    filters.delete(dimension);
    filters.delete(`${dimension}.exists`);
    if (values.includes(null)) filters.set(`${dimension}.exists`, ["false"]);
    else if (values.length) filters.set(dimension, values.map(String));
    this.set({ filters });
  }

  /** Choose something for one panel; `null` takes the usual again. */
  choose(panel, key, value) {
    const choices = new Map(this.#state.choices);
    if (value === null) choices.delete(`${panel}.${key}`);
    else choices.set(`${panel}.${key}`, value);
    this.set({ choices });
  }

  #take(next) {
    const before = this.#state;
    this.#state = next;
    for (const listener of this.#listeners) listener(next, before);
  }
}

export const store = new Store();
