// The page: what the service says that it shows, put together, and kept up to date.

import * as api from "./api.js";
import { banner } from "./banner.js";
import { controls } from "./controls.js";
import { h, icon, say } from "./dom.js";
import * as drawer from "./drawer.js";
import { empty } from "./empty.js";
import { login } from "./login.js";
import { Panel } from "./panel.js";
import { kindOf } from "./panels/index.js";
import { store } from "./state.js";
import { isDark, onTheme, toggle } from "./theme.js";
import * as time from "./time.js";

const EVERY = 60_000;
const host = document.getElementById("page");

class Page {
  panels = [];
  freshness = { watermark: null, at: null, open: false };
  watermarks = new Map();
  #near = new Set();
  #due = new Set();
  #last = Date.now();
  #asked = false;
  #end = new AbortController();

  constructor(layout, aggregates, needsToken) {
    this.layout = layout;
    this.zone = layout.time_zone || "UTC";
    this.aggregates = new Map(aggregates.map((one) => [one.name, one]));
    this.controls = controls(this);
    this.banner = banner(this);
    this.seen = new IntersectionObserver((entries) => this.#moved(entries), { rootMargin: "400px" });
    document.title = layout.title;
    host.replaceChildren(this.#head(needsToken), h("div", { class: "columns" }, this.#contents(), this.#main()));
    this.#about();
    this.#listen();
  }

  #listen() {
    const { signal } = this.#end;
    const unsubscribe = store.subscribe((state, before) => this.#changed(state, before));
    const timer = setInterval(() => this.#tick(), EVERY);
    addEventListener("online", () => this.refresh(), { signal });
    addEventListener("offline", () => this.failed(new api.Offline()), { signal });
    addEventListener("beforeprint", () => this.panels.forEach((panel) => this.#due.has(panel) && this.#load(panel)), { signal });
    document.addEventListener("visibilitychange", () => Date.now() - this.#last > EVERY && this.#tick(), { signal });
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      unsubscribe();
      this.seen.disconnect();
      for (const panel of this.panels) panel.end();
    });
  }

  get shownZone() {
    return store.state.zone || this.zone;
  }

  /** Ask again for all that is near; the rest when it comes near. */
  refresh() {
    this.#last = Date.now();
    for (const panel of this.panels) this.#due.add(panel);
    for (const panel of this.#near) this.#load(panel);
  }

  /** A panel could not be answered. */
  failed(error) {
    if (error instanceof api.Problem && [401, 403].includes(error.status)) this.leave("The session is over.");
    if (error instanceof api.Offline) this.banner.offline(this.freshness.at ?? new Date());
  }

  /** A panel was answered. */
  answered(body, at) {
    this.banner.offline(null);
    const watermark = body.watermark ? new Date(body.watermark) : null;
    const { freshness } = this;
    if (body.query?.aggregate) this.watermarks.set(body.query.aggregate, body.watermark);
    if (watermark && (!freshness.watermark || watermark < freshness.watermark)) freshness.watermark = watermark;
    if (!freshness.at || at > freshness.at) freshness.at = at;
    if (body.states?.includes("provisional")) freshness.open = true;
    this.banner.update();
    if (this.#asked) return;
    this.#asked = true; // after the first numbers, since it reads events
    this.#look();
  }

  explain(panel) {
    drawer.explain(panel);
  }

  /** Show the form instead. */
  leave(reason = "") {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    signIn(reason);
  }

  async #look() {
    const found = await this.banner.look();
    const none = found && found.events.length > 0 && found.notes.length === 0 && found.events.every((one) => one.last_seen === null);
    document.querySelector(".first")?.remove();
    if (none) this.sections.prepend(empty(found.events, found.catalog));
  }

  #tick() {
    if (document.visibilityState === "visible" && navigator.onLine && time.isLive(store.state.range, this.shownZone)) this.refresh();
  }

  #changed(state, before) {
    this.controls.update();
    if (state.about !== before.about) this.#about();
    const same = ["range", "by", "zone", "compare"].every((key) => state[key] === before[key]) && equal(state.filters, before.filters);
    if (same) this.panels.filter((panel) => own(panel, state) !== own(panel, before)).forEach((panel) => this.#load(panel));
    else {
      this.freshness.open = false;
      this.refresh();
    }
    this.banner.update();
  }

  #moved(entries) {
    for (const { target, isIntersecting } of entries) {
      const panel = this.panels.find((one) => one.element === target);
      if (isIntersecting) this.#near.add(panel);
      else this.#near.delete(panel);
      if (isIntersecting && this.#due.has(panel)) this.#load(panel);
    }
  }

  #load(panel) {
    this.#due.delete(panel);
    panel.load();
  }

  #about() {
    const { about } = store.state;
    if (!about) return drawer.close();
    const section = this.layout.sections.find((one) => one.id === about || one.name === about);
    if (section) drawer.about(section, this.aggregates.get(section.name), this.watermarks.get(section.name), this.shownZone);
    else drawer.other(about);
    return drawer.define(section?.name ?? about, { whole: !section });
  }

  #head(needsToken) {
    const theme = h("button", { type: "button", class: "plain", onclick: toggle }, icon("theme"));
    const name = () => theme.setAttribute("aria-label", isDark() ? "Light theme" : "Dark theme");
    this.#end.signal.addEventListener("abort", onTheme(name));
    name();
    const again = h("button", { type: "button", class: "plain", "aria-label": "Refresh", onclick: () => {
      this.refresh();
      say("Asking again");
    } }, icon("refresh"));
    const out = needsToken ? h("button", { type: "button", class: "plain", onclick: async () => {
      await api.signOut();
      this.leave();
    } }, "Sign out") : null;
    return h("header", { class: "head" }, h("div", { class: "head-row" }, h("h1", {}, this.layout.title), again, theme, out), this.controls.element);
  }

  #contents() {
    return h("nav", { class: "contents", "aria-label": "Sections" },
      h("ul", {}, this.layout.sections.map((one) => h("li", {}, h("a", { href: `#${one.id}` }, one.title)))));
  }

  #main() {
    this.sections = h("main", { id: "content", tabindex: -1 }, this.banner.element, this.layout.sections.map((one) => this.#section(one)));
    return this.sections;
  }

  /** Return the aggregate that a panel's numbers come from; none if they are about people. */
  #source({ path }) {
    return path.startsWith("/aggregates/") ? this.aggregates.get(path.slice("/aggregates/".length)) : undefined;
  }

  #section(section) {
    const panels = section.panels.filter(kindOf).map((spec) => new Panel(this, section, spec, kindOf(spec), this.#source(spec)));
    widen(panels);
    for (const panel of panels) {
      this.panels.push(panel);
      this.#due.add(panel);
      this.seen.observe(panel.element);
    }
    const about = section.name ? h("button", { type: "button", class: "plain", "aria-label": `About ${section.title}`, title: "Where the numbers come from",
      onclick: () => store.set({ about: section.id }) }, icon("info")) : null;
    return h("section", { class: `section ${section.kind}`, id: section.id, "aria-labelledby": `title-${section.id}` },
      h("div", { class: "section-head" }, h("h2", { id: `title-${section.id}` }, section.title), about),
      section.description ? h("p", { class: "soft" }, section.description) : null,
      h("div", { class: "grid" }, panels.map((panel) => panel.element)));
  }
}

/** Let a panel of half a row have all of it, if it has no neighbour. */
function widen(panels) {
  let open = null;
  for (const panel of panels) {
    const half = panel.element.classList.contains("half");
    if (!half) open?.element.classList.replace("half", "full");
    open = half && !open ? panel : null;
  }
  open?.element.classList.replace("half", "full");
}

const own = (panel, state) => JSON.stringify([...state.choices].filter(([name]) => name.startsWith(`${panel.id}.`)));
const equal = (a, b) => JSON.stringify([...a]) === JSON.stringify([...b]);

function signIn(reason) {
  login(host, () => start().then(() => document.getElementById("content")?.focus()), reason);
}

/** Load what the page consists of, and show it; without the right to, the form. */
async function start() {
  try {
    const [layout, aggregates, needed] = await Promise.all([api.ask("dashboard"), api.ask("aggregates"), api.needsToken()]);
    new Page(layout.body, aggregates.body.aggregates, needed);
  } catch (error) {
    if (error instanceof api.Problem && [401, 403].includes(error.status)) return signIn(error.status === 403 ? error.message : "");
    host.replaceChildren(h("main", { id: "content", class: "login-page" }, h("div", { class: "message", role: "alert" },
      h("strong", {}, error.title ?? "The page failed"), h("p", {}, error.message),
      h("button", { type: "button", onclick: start }, icon("refresh"), "Try again"))));
  }
}

start();
