/** A name of an aggregate, and of what it has. */
export type Name = keyof Aggregates & string;
export type Dimension<A extends Name> = keyof Aggregates[A]["dimensions"] & string;
export type Measure<A extends Name> = keyof Aggregates[A]["measures"] & string;

export type Granularity = "bucket" | "hour" | "day" | "week" | "month" | "total";
export type Comparison = "previous_period" | "previous_year";

/** A value, one of several values, no value (`null`), or operators. */
export type Filter<T> =
  | T
  | readonly T[]
  | null
  | {
      readonly ne?: T;
      readonly lt?: T;
      readonly lte?: T;
      readonly gt?: T;
      readonly gte?: T;
      readonly exists?: boolean;
    };

export type Filters<A extends Name> = { readonly [K in Dimension<A>]?: Filter<Aggregates[A]["dimensions"][K]> };

export interface Question<
  A extends Name,
  M extends Measure<A>,
  D extends Dimension<A>,
  G extends Granularity,
  C extends Comparison | undefined,
> {
  readonly measures: readonly M[];
  readonly dimensions?: readonly D[];
  readonly filters?: [Dimension<A>] extends [never] ? Record<string, never> : Filters<A>;
  /** Start and end: a date is a whole day, a time a moment. Or a span back from now, such as `"30d"`. */
  readonly between?: readonly [string, string] | `${number}${"h" | "d" | "w"}`;
  readonly granularity?: G;
  /** Where days, weeks and months begin. Default: UTC. */
  readonly timeZone?: string;
  readonly compare?: C;
  /** Columns, with a `-` before those from large to small. */
  readonly orderBy?: readonly `${"" | "-"}${NoInfer<M | D | `previous_${M}`> | Aggregates[A]["bucket"]}`[];
  readonly limit?: number;
  /** The `next` of the answer before. */
  readonly after?: string;
  readonly fill?: boolean;
  readonly totals?: boolean;
  /** Where distinct counts over several buckets come from, if there is a choice. */
  readonly distinct?: "auto" | "exact" | "approximate";
}

export type Values<A extends Name, M extends Measure<A>, C> = {
  readonly [K in M]: Aggregates[A]["measures"][K] | null;
} & (C extends string ? { readonly [K in M as `previous_${K}`]: Aggregates[A]["measures"][K] | null } : unknown);

export type Row<A extends Name, M extends Measure<A>, D extends Dimension<A>, G, C> = (G extends "total"
  ? unknown
  : { readonly [K in Aggregates[A]["bucket"]]: string }) & {
  readonly [K in D]: Aggregates[A]["dimensions"][K] | null;
} & Values<A, M, C>;

export type State = "final" | "provisional" | "incomplete";

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly role: "bucket" | "dimension" | "measure" | "previous";
  readonly unit: string | null;
  readonly exactness: "exact" | "approximate";
  readonly bound: number | null;
  readonly standard_error: number | null;
  readonly description: string;
}

export interface Answer<Of, Totals> {
  readonly columns: readonly Column[];
  readonly rows: readonly Of[];
  /** How far each row can be trusted. */
  readonly states: readonly State[];
  readonly totals: Partial<Totals>;
  /** What the totals are; they may be less exact than the rows. */
  readonly totals_columns: readonly Column[];
  readonly state: State;
  readonly watermark: string | null;
  readonly next: string | null;
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  readonly at: string;
}

/** An event of the catalog, and what is observed of it: of its newest rows `checked`, `misfits` are not what it says. */
export interface ObservedEvent {
  readonly name: string;
  readonly description: string;
  readonly owner: string;
  readonly version: number;
  readonly last_seen: string | null;
  readonly rows: number;
  readonly rows_a_day: number;
  readonly checked: number;
  readonly misfits: number;
  readonly problems: readonly { readonly problem: string; readonly rows: number }[];
  readonly share: number | null;
}

/** The events of the catalog, and what is observed of them. */
export interface Observed {
  readonly catalog: string;
  /** How far back rows were counted and compared. */
  readonly days: number;
  readonly events: readonly ObservedEvent[];
  /** Types of stored rows that the catalog does not have. */
  readonly unknown: readonly { readonly name: string; readonly rows: number; readonly last_seen: string }[];
  /** Events that could not be stored, and wait to be replayed. */
  readonly dead_letters: readonly {
    readonly reason: string;
    readonly event_type: string;
    readonly letters: number;
    readonly oldest: string;
    readonly newest: string;
  }[];
  /** What could not be looked at, and why. */
  readonly notes: readonly string[];
  readonly at: string;
}

/** The service refused a question, and says why. */
export class AnalyticsProblem extends Error {
  constructor(
    readonly status: number,
    /** The problem document; `parameter` and `expected` say what to change. */
    readonly document: { readonly [key: string]: unknown },
  ) {
    super(typeof document["detail"] === "string" ? document["detail"] : `HTTP ${status}`);
    this.name = "AnalyticsProblem";
  }
}

export class Analytics {
  /** @param url The service, such as `https://example.org/api/analytics`. @param token One with the scope `read`. */
  constructor(
    private readonly url: string,
    private readonly token: string | null = null,
    private readonly fetcher: typeof fetch = (input, init) => fetch(input, init),
  ) {}

  /** Ask an aggregate. Throws an `AnalyticsProblem` if the service refuses the question. */
  async ask<
    A extends Name,
    M extends Measure<A>,
    D extends Dimension<A> = never,
    G extends Granularity = "bucket",
    C extends Comparison | undefined = undefined,
  >(aggregate: A, question: Question<A, M, D, G, C>): Promise<Answer<Row<A, M, D, G, C>, Values<A, M, C>>> {
    return await this.get(`aggregates/${aggregate}`, question);
  }

  /**
   * Return the events of the catalog, and what is observed of them: rows of `days` (default: 1) are counted, and
   * `sample` (default: 200) of each event are compared with the catalog.
   */
  async events(asked: { readonly days?: number; readonly sample?: number } = {}): Promise<Observed> {
    return await this.get("events", asked);
  }

  private async get<T>(path: string, question: object): Promise<T> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (this.token !== null) headers["Authorization"] = `Bearer ${this.token}`;
    const answer = await this.fetcher(`${this.url}/${path}?${parameters(question)}`, { headers });
    if (!answer.ok) throw new AnalyticsProblem(answer.status, await answer.json().catch(() => ({})));
    return await answer.json();
  }

  /** Ask an aggregate, and yield one page after the other: `limit` rows each. */
  async *pages<
    A extends Name,
    M extends Measure<A>,
    D extends Dimension<A> = never,
    G extends Granularity = "bucket",
    C extends Comparison | undefined = undefined,
  >(aggregate: A, question: Question<A, M, D, G, C> & { readonly limit: number }) {
    let asked = question;
    for (;;) {
      const page = await this.ask(aggregate, asked);
      yield page;
      if (page.next === null) return;
      asked = { ...asked, after: page.next };
    }
  }
}

const LISTS: Readonly<Record<string, string>> = { measures: "measures", dimensions: "dimensions", orderBy: "order_by" };
const NAMES: Readonly<Record<string, string>> = { timeZone: "time_zone" };

function parameters(question: object): URLSearchParams {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(question)) {
    if (value === undefined) continue;
    const list = LISTS[name];
    if (list !== undefined) {
      if (value.length > 0) made.set(list, value.join(","));
    } else if (name === "filters") {
      for (const [dimension, filter] of Object.entries(value)) addFilter(made, `filter.${dimension}`, filter);
    } else {
      made.set(NAMES[name] ?? name, name === "between" && Array.isArray(value) ? value.join(",") : String(value));
    }
  }
  return made;
}

function addFilter(made: URLSearchParams, name: string, filter: unknown): void {
  if (filter === null) made.set(`${name}.exists`, "false");
  else if (Array.isArray(filter)) for (const value of filter) made.append(name, String(value));
  else if (typeof filter === "object") {
    for (const [operator, value] of Object.entries(filter as object)) {
      if (value !== undefined) made.set(`${name}.${operator}`, String(value));
    }
  } else if (filter !== undefined) made.set(name, String(filter));
}
