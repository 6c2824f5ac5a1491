// A panel's frame: it asks, keeps what it has while it asks again, and shows each state that an answer can be in.
//
// What a panel shows is up to its kind (panels/index.js), a module with
//   size                  "full", "half" or "third" of a row
//   load(panel)           asks by `panel.ask(parameters)`, and returns what `draw` needs
//   draw(host, found, panel)   puts it into `host`; `panel.kept` is an object of its own from one call to the next
//   table(found, panel)   returns { columns, rows, states } for the table below, or null
//   controls(panel)       returns elements for the panel's head, or nothing

import * as api from "./api.js";
import { h, icon, uniqueId } from "./dom.js";
import * as locale from "./locale.js";
import { store } from "./state.js";
import { dataTable } from "./table.js";
import * as time from "./time.js";

export class Panel {
  /** Things of the kind's own, such as a chart. */
  kept = {};
  /** The question whose answer can be had as CSV or SQL. */
  main = null;
  #turn = null;
  #drawn = "";
  #found = null;

  /** `page` has `zone`, `explain(panel)`, `failed(error)` and `answered(body, at)`; `source` is the aggregate, if there is one. */
  constructor(page, section, spec, kind, source) {
    Object.assign(this, { page, section, spec, kind, source });
    this.id = `${section.id}.${spec.id}`;
    const heading = uniqueId("heading");
    this.host = h("div", { class: "panel-body", "aria-busy": "true" }, h("div", { class: "skeleton" }));
    this.notes = h("p", { class: "panel-notes", hidden: true });
    this.head = h("div", { class: "panel-controls" });
    this.csv = h("a", { download: true }, "CSV");
    this.sql = h("button", { type: "button", class: "link", onclick: () => page.explain(this) }, "SQL");
    this.details = h("details", { class: "panel-data", id: uniqueId("table"), ontoggle: () => this.#list() }, h("summary", {}, "Table"));
    this.tools = h("div", { class: "panel-tools" }, this.details, h("span", { class: "panel-links" }, this.csv, this.sql));
    this.element = h("figure", { class: `panel panel-${spec.kind} ${kind.size}`, id: `panel-${this.id}`, "aria-labelledby": heading,
      vars: { "--count": String(spec.measures.length) } },
      h("figcaption", {}, h("h3", { id: heading }, spec.title || section.title), this.head), this.host, this.notes, this.tools);
    this.tools.hidden = true;
  }

  get state() {
    return store.state;
  }

  /** The time zone that the reader chose. */
  get zone() {
    return this.state.zone || this.page.zone;
  }

  /** What the panel's aggregate can be asked of the length of buckets, and of the time zone. */
  get asked() {
    const { by } = this.spec.granularity === "bucket" || !this.source ? { by: "bucket" } : this.state;
    return time.asked(this.source?.bucket ?? this.spec.buckets, { by, range: this.state.range, zone: this.zone });
  }

  /** Where the panel's numbers are asked. */
  get path() {
    return this.spec.path.replace(/^\//, "");
  }

  /** What the reader chose for this panel under a name, if it is one of `known`; otherwise the first of these. */
  choice(key, known) {
    const chosen = this.state.choices.get(`${this.id}.${key}`);
    return known.includes(chosen) ? chosen : known[0];
  }

  choose(key, value, usual) {
    store.choose(this.id, key, value === usual ? null : value);
  }

  /** Return the parameters that every question of this panel has. */
  question({ granularity, compare = this.state.compare } = {}) {
    const { asked } = this;
    if (!this.source) return [["show", this.spec.show], ["between", time.between(this.state.range, asked.zone)], ...this.filters()];
    return [
      ["between", time.between(this.state.range, asked.zone)],
      ["granularity", granularity ?? asked.granularity], ["time_zone", asked.sent],
      ["compare", compare === "none" ? null : compare], ...this.filters(),
    ];
  }

  /** Return the filters on dimensions that the panel's numbers have. */
  filters() {
    const known = new Set((this.source ?? this.spec).dimensions.map((one) => one.name));
    return [...this.state.filters].filter(([name]) => known.has(name.replace(/\.exists$/, "")))
      .flatMap(([name, values]) => values.map((value) => [`filter.${name}`, value]));
  }

  /** Ask for the panel's numbers; measures and a comparison that have no right value for this question are left out, and noted. */
  async ask(parameters, { main = true } = {}) {
    const { path } = this;
    const asked = [...parameters];
    for (;;) {
      try {
        const found = await api.ask(path, asked, { signal: this.#turn.signal });
        if (main) this.main = { path, parameters: asked };
        this.#answers.push(found);
        this.#key.push(api.address(path, asked));
        return found.body;
      } catch (error) {
        if (!(error instanceof api.Problem) || !without(asked, error)) throw error;
        this.note(error.message);
      }
    }
  }

  #answers = [];
  #key = [];

  /** Say something below the panel. */
  note(text) {
    this.#noted.add(text);
  }

  #noted = new Set();

  /** Ask and draw. What is shown stays until there is something else. */
  async load() {
    this.#turn?.abort();
    const turn = new AbortController();
    Object.assign(this, { main: null });
    this.#turn = turn;
    this.#answers = [];
    this.#key = [];
    this.#noted = new Set();
    this.host.setAttribute("aria-busy", "true");
    try {
      const found = await this.kind.load(this);
      if (turn !== this.#turn) return;
      this.#show(found);
    } catch (error) {
      if (turn !== this.#turn || error.name === "AbortError") return;
      this.#fail(error);
    } finally {
      if (turn === this.#turn) this.host.removeAttribute("aria-busy");
    }
  }

  /** Take the panel away. */
  end() {
    this.#turn?.abort();
    this.#turn = null;
    this.kept.chart?.end();
  }

  #show(found) {
    this.element.classList.remove("stale");
    const bodies = this.#answers.map((answer) => answer.body);
    for (const { body, at } of this.#answers) this.page.answered(body, at);
    const key = JSON.stringify([this.#key, [...this.state.choices].filter(([name]) => name.startsWith(`${this.id}.`))]);
    if (key === this.#drawn && this.#answers.every((answer) => !answer.changed)) return;
    const again = key === this.#drawn || this.#found !== null;
    this.#drawn = key;
    this.#found = found;
    this.head.replaceChildren(...(this.kind.controls?.(this) ?? []));
    if (!again || this.host.querySelector(".skeleton, .message")) {
      this.host.replaceChildren();
      this.kept = {};
    }
    this.kind.draw(this.host, found, this);
    this.#describe(bodies);
    this.#list();
  }

  #describe(bodies) {
    const { asked } = this;
    for (const body of bodies) for (const text of warnings(body, asked)) this.note(text);
    if (asked.finer) this.note(`Its buckets are of one ${asked.name}; shorter ones are not stored.`);
    if (this.source && !asked.sent && asked.zone !== this.zone) this.note(`Counted by ${asked.name} of ${asked.zone}.`);
    const known = new Set(this.filters().map(([name]) => name));
    const others = [...this.state.filters.keys()].filter((name) => !known.has(`filter.${name}`)).map((name) => locale.words(name.replace(/\.exists$/, "")));
    if (others.length) this.note(`Not filtered by ${others.join(", ")}: these numbers are not counted by it.`);
    for (const text of exactness(bodies, this.spec.measures)) this.note(text);
    this.notes.replaceChildren(...[...this.#noted].flatMap((text, place) => (place ? [h("br"), text] : [text])));
    this.notes.hidden = this.#noted.size === 0;
    this.tools.hidden = this.main === null;
    if (this.main) this.csv.href = api.address(`${this.main.path}.csv`, this.main.parameters);
    this.csv.setAttribute("aria-label", `CSV of ${this.spec.title}`);
    this.sql.setAttribute("aria-label", `SQL of ${this.spec.title}`);
  }

  /** Fill the table, if it is open. */
  #list() {
    const found = this.#found && this.kind.table?.(this.#found, this);
    this.details.hidden = !found;
    if (!found || !this.details.open) return;
    this.details.querySelector(".scroll")?.remove();
    this.details.append(dataTable(this.spec.title, found));
  }

  #fail(error) {
    this.page.failed(error);
    if (this.#found !== null && !(error instanceof api.Problem)) {
      this.element.classList.add("stale");
      return;
    }
    this.#found = null;
    this.#drawn = "";
    this.tools.hidden = true;
    this.notes.hidden = true;
    this.host.replaceChildren(h("div", { class: "message", role: "status" },
      h("strong", {}, error.title ?? "The panel failed"), h("p", {}, error.message),
      h("button", { type: "button", onclick: () => this.load() }, icon("refresh"), "Ask again")));
  }
}

/** Take out of a question what the service refuses of it; false if nothing would be left, or it refuses something else. */
function without(parameters, { code, document: { parameter, measure } }) {
  if (code === "measure-refused") return drop(parameters, measure);
  const place = parameters.findIndex(([name, value]) => name === "compare" && value !== null);
  if (code !== "wrong-parameter" || parameter !== "compare" || place < 0) return false;
  parameters.splice(place, 1);
  return true;
}

/** Take a measure out of a question; false if it is the only one, or not in it. */
function drop(parameters, measure) {
  const place = parameters.findIndex(([name]) => name === "measures");
  if (place < 0) return false;
  const left = parameters[place][1].split(",").filter((name) => name !== measure);
  if (left.length === 0 || left.join(",") === parameters[place][1]) return false;
  parameters[place] = ["measures", left.join(",")];
  return true;
}

/** Return what the service says of an answer, but for what the panel shows anyway. */
function warnings({ warnings: given = [], query }, { name, zone }) {
  const days = ["day", "week", "month"].includes(name);
  return given.filter(({ code }) => code !== "no-total" && (days || code !== "range-widened")).map(({ code, message }) =>
    code === "range-widened" && query ? `Counted from ${locale.moment(new Date(query.start), zone)} to ${locale.moment(new Date(query.end), zone)}, in whole buckets.` : message);
}

/** Return what is to be said of how exact the numbers are. */
function exactness(bodies, measures) {
  const titles = new Map(measures.map((one) => [one.name, one.title]));
  const columns = bodies.flatMap((body) => body.columns ?? []).filter((one) => one.exactness === "approximate");
  const named = new Map(columns.filter((one) => one.role !== "previous").map((one) => [one.name, one]));
  const groups = new Map();
  for (const one of named.values()) {
    const text = one.bound ? `within ${locale.write(one.bound, { format: "percent" })}`
      : one.standard_error ? `standard error ${locale.write(one.standard_error, { format: "percent" })}` : "";
    groups.set(text, [...(groups.get(text) ?? []), titles.get(one.name) ?? locale.words(one.name)]);
  }
  const said = [...groups].map(([text, names]) => `${names.join(", ")}: approximate${text ? `, ${text}` : ""}.`);
  const states = new Set(bodies.flatMap((body) => body.states ?? []));
  if (states.has("incomplete")) said.push("Hatched: events of it were dropped before they were counted.");
  return said;
}
