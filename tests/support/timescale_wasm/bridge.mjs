// TimescaleDB for tests: PGlite (PostgreSQL in WebAssembly) behind PostgreSQL's wire protocol, for several clients.
//
// PGlite has one session. The bridge lends it to one client at a time, for a statement, a transaction, a COPY or a
// batch up to its Sync, whichever ends last; the others wait. README.md says what that does not give.
//
// Control: a line of JSON on standard input, {"do": "open"|"save"|"has", "snapshot": NAME} or {"do": "patience",
// "seconds": N}, is answered by one on standard output; the first one there is {"port": N}. End of input ends the server.

import {createServer} from 'node:net';
import {createInterface} from 'node:readline';
import {query, sync} from './protocol.mjs';
import {Client} from './client.mjs';
import {Engine} from './engine.mjs';

const HINT = 'All clients share one session here: end the open transaction or COPY of the other connection first.';

const DISCONNECTING = Symbol('disconnecting');

class Bridge {
  engine = new Engine();
  #clients = new Map();
  #holder = null;
  #waiting = []; // {client, timer}
  #loaded = null; // the client whose settings the session has
  #chores = []; // what departed clients left to clean up, done when nobody holds the session
  #lastId = 0;
  #patience = 60; // seconds that a client waits for its turn

  connect(socket) {
    const client = new Client(this, socket, ++this.#lastId);
    this.#clients.set(client.id, client);
  }

  // Gives the client the session, or puts it into the queue.
  takeTurn(client) {
    if (this.#holder === null) this.#holder = client;
    if (this.#holder === client) return true;
    if (!this.#waiting.some((entry) => entry.client === client)) {
      const text = `waited ${this.#patience} s for another connection`;
      const timer = setTimeout(() => this.#refuse(client, '55P03', text, HINT), this.#patience * 1000);
      this.#waiting.push({client, timer});
    }
    return false;
  }

  endTurn(client) {
    if (this.#holder !== client) return;
    this.#holder = null;
    this.#doChores();
    const next = this.#waiting.shift();
    if (next === undefined) return;
    clearTimeout(next.timer);
    this.#holder = next.client;
    setImmediate(() => next.client.pump());
  }

  // Runs a client's statements with its own settings; a crash of the server ends all connections.
  guard(client, run) {
    try {
      if (this.#load(client)) run();
    } catch (error) {
      console.error(error);
      this.#disconnectAll('57P02', `the WASM server crashed: ${error}`);
    }
  }

  // Cancels a statement that waits for its turn. One that runs cannot be reached: the program has a single thread.
  cancel(id, secret) {
    const client = this.#clients.get(id);
    if (client?.secret === secret) this.#refuse(client, '57014', 'canceling statement due to user request');
  }

  // Cleans up behind a client that has left.
  forget(client) {
    this.#clients.delete(client.id);
    this.#dequeue(client);
    if (client.session === null) return;
    this.#chores.push(() => this.#cleanUp(client));
    if (this.#holder === client) {
      this.#chores.unshift(() => this.engine.exec(sync(), ...(client.inTransaction ? [query('rollback')] : [])));
      this.endTurn(client);
    } else if (this.#holder === null) {
      this.#doChores();
    }
  }

  async command({do: action, snapshot, seconds}) {
    if (action === 'has') return {has: this.engine.has(snapshot)};
    if (action === 'patience') {
      this.#patience = seconds;
      return {};
    }
    this.#disconnectAll('57P01', 'the database is being replaced');
    await this.engine[action](snapshot);
    return {};
  }

  #load(client) {
    if (this.#loaded === client) return true;
    this.#loaded?.session.unload(this.engine);
    this.#loaded = client;
    try {
      client.session.load(this.engine);
      return true;
    } catch (error) {
      client.fail(error.code ?? '28000', error.message);
      return false;
    }
  }

  #doChores() {
    for (const chore of this.#chores.splice(0)) chore();
  }

  #cleanUp(client) {
    if (this.#loaded === client) {
      this.engine.reset();
      this.#loaded = null;
    }
    this.engine.exec(client.session.forgetStatements());
    if (client.usedTemporary) this.engine.exec(query('discard temp'));
    const others = [...this.#clients.values()].some(({usedAdvisory}) => usedAdvisory);
    if (client.usedAdvisory && !others) this.engine.exec(query('select pg_advisory_unlock_all()'));
  }

  #disconnectAll(code, text) {
    this.#holder = DISCONNECTING; // nobody gets the session, and nobody cleans up behind himself
    for (const client of [...this.#clients.values()]) client.fail(code, text);
    this.#chores = [];
    this.#loaded = null;
    this.#holder = null;
  }

  #refuse(client, ...reason) {
    if (this.#dequeue(client)) client.refuse(...reason);
  }

  #dequeue(client) {
    const at = this.#waiting.findIndex((entry) => entry.client === client);
    if (at < 0) return false;
    clearTimeout(this.#waiting[at].timer);
    this.#waiting.splice(at, 1);
    return true;
  }
}

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const bridge = new Bridge();
await bridge.engine.prepare();
const server = createServer((socket) => bridge.connect(socket));
server.listen(0, '127.0.0.1', () => say({port: server.address().port}));
for await (const line of createInterface({input: process.stdin})) {
  say(await bridge.command(JSON.parse(line)).catch((error) => ({error: String(error)})));
}
process.exit(0);
