// One connection: turns its messages into batches that the server can run in one go, when it is the client's turn.

import {
  CANCEL_REQUEST, ENCRYPTION_REQUESTS, PROTOCOL_3, Reader, commandComplete, copyFail, cstring, errorResponse, int32,
  message, messages, parameterStatus, query, readCstring, readyForQuery,
} from './protocol.mjs';
import {DATABASE} from './engine.mjs';
import {Session} from './session.mjs';

const COPY_FROM_STDIN = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*copy\b[\s\S]*\bfrom\s+stdin\b/i;
const DEALLOCATE_ALL = /^\s*deallocate\s+(?:prepare\s+)?all\s*;?\s*$/i;
const TEMPORARY = /\btemp(?:orary)?\b/i;
const ADVISORY = /advisory_/i;

// Behind every batch: outside of COPY the server ignores it, and a COPY that we did not recognise ends with an error
// instead of reading past the end of the buffer, which would end the server.
const NOT_RECOGNISED = copyFail('this test server takes COPY FROM STDIN only as a statement of its own');

// What the server answers to a message before it asks for COPY data.
const ANSWERS = {P: message('1'), B: message('2'), C: message('3'), D: message('n')};

export class Client {
  #bridge;
  #socket;
  #reader = new Reader();
  #inbox = [];
  #batch = []; // messages of the extended protocol that wait for Sync or Flush: {type, whole}
  #copy = null; // {head, data, extended} while the client sends COPY data
  #status = 'I'; // of ReadyForQuery
  #unsynced = false; // a batch has run up to a Flush; its Sync is to come
  #skipping = false; // a batch up to a Flush was refused; what comes before its Sync is ignored
  #closed = false;
  session = null;
  usedTemporary = false;
  usedAdvisory = false;

  constructor(bridge, socket, id) {
    this.#bridge = bridge;
    this.#socket = socket;
    this.id = id;
    this.secret = 1 + Math.floor(Math.random() * 0x7ffffffe);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', () => this.close());
    socket.on('close', () => this.close());
  }

  get inTransaction() {
    return this.#status !== 'I';
  }

  get idle() {
    return this.#status === 'I' && this.#copy === null && !this.#unsynced;
  }

  // Works off the inbox; called again when it is the client's turn.
  pump() {
    while (this.#inbox.length > 0 && !this.#closed) {
      const next = this.#inbox[0];
      if (this.#runsNothing(next)) {
        this.#inbox.shift();
        this.#collect(next);
        continue;
      }
      if (!this.#bridge.takeTurn(this)) return;
      this.#inbox.shift();
      this.#bridge.guard(this, () => this.#run(next));
      if (this.idle) this.#bridge.endTurn(this);
    }
  }

  // Answers the statement that waits with an error instead of running it.
  refuse(code, text, hint) {
    const {type} = this.#inbox.shift();
    this.#batch = [];
    this.#skipping = type === 'H';
    this.#socket.write(errorResponse({code, text, hint}));
    if (!this.#skipping) this.#socket.write(readyForQuery('I'));
    this.pump();
  }

  fail(code, text) {
    this.#socket.end(errorResponse({severity: 'FATAL', code, text}));
    this.close();
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroySoon();
    this.#bridge.forget(this);
  }

  #receive(chunk) {
    this.#reader.push(chunk);
    for (let next = this.#reader.next(); next !== null; next = this.#reader.next()) {
      if (this.session !== null) this.#inbox.push(next);
      else if (!this.#start(next.body)) return;
    }
    this.pump();
  }

  // Handles a message before the session; false ends the connection.
  #start(body) {
    const code = body.readInt32BE(0);
    if (ENCRYPTION_REQUESTS.includes(code)) {
      this.#socket.write('N');
      return true;
    }
    if (code === CANCEL_REQUEST) this.#bridge.cancel(body.readInt32BE(4), body.readInt32BE(8));
    if (code >> 16 !== PROTOCOL_3) {
      this.close();
      return false;
    }
    const parameters = {};
    for (let at = 4; body[at] !== 0; ) {
      const [name, behindName] = readCstring(body, at);
      [parameters[name], at] = readCstring(body, behindName);
    }
    const database = parameters.database ?? parameters.user;
    if (database !== DATABASE) {
      this.fail('3D000', `database "${database}" does not exist`);
      return false;
    }
    this.session = new Session(this.id, parameters);
    this.#reader.started();
    // Protocol 3.2 and later are negotiated down to 3.0.
    if ((code & 0xffff) !== 0) this.#socket.write(message('v', int32(PROTOCOL_3 << 16), int32(0)));
    this.#socket.write(Buffer.concat([
      message('R', int32(0)),
      ...this.#bridge.engine.parameters.map(([name, value]) => parameterStatus(name, value)),
      message('K', int32(this.id), int32(this.secret)),
      readyForQuery('I'),
    ]));
    return true;
  }

  #runsNothing({type}) {
    if (this.#skipping || type === 'X') return true;
    if (this.#copy !== null) return 'dHS'.includes(type);
    return !'QFSH'.includes(type);
  }

  #collect(next) {
    const {type, body} = next;
    if (type === 'X') return this.close();
    if (this.#skipping) {
      if (type === 'S') {
        this.#skipping = false;
        this.#socket.write(readyForQuery('I'));
      }
    } else if (this.#copy !== null) {
      if (type === 'd') this.#copy.data.push(next.whole); // Flush and Sync are ignored, as by a server
    } else if ('PBDEC'.includes(type)) {
      if (type === 'P') this.#sees(readCstring(body, readCstring(body)[1])[0]);
      this.#batch.push({...next, whole: this.session.rename(next)});
    } // COPY messages outside of COPY are ignored, as by a server
  }

  #run(next) {
    if (this.#copy !== null) return this.#finishCopy(next);
    const simple = next.type === 'Q' ? readCstring(next.body)[0] : null;
    if (simple !== null) this.#sees(simple);
    if (simple !== null && DEALLOCATE_ALL.test(simple)) return this.#deallocateAll();
    const last = simple === null ? next.whole : query(this.session.renameInSql(simple));
    const head = Buffer.concat([...this.#batch.map(({whole}) => whole), last]);
    const acknowledged = this.#batch.map(({type}) => ANSWERS[type] ?? Buffer.alloc(0));
    const copy = simple ?? this.#batch.filter(({type}) => type === 'B').map(({body}) => this.#statementOf(body)).join(';');
    this.#batch = [];
    if (COPY_FROM_STDIN.test(copy) && this.#status !== 'E') {
      const request = this.#requestOf(copy);
      if (request !== null) {
        this.#copy = {head, data: [], extended: simple === null};
        this.#socket.write(Buffer.concat([...acknowledged, request]));
        return;
      }
    }
    this.#answer(this.#bridge.engine.exec(head, NOT_RECOGNISED), next.type);
  }

  // Starts the COPY and gives it up at once, to learn what the server answers: its CopyInResponse, or null for an
  // error. The server must have all data before it starts, and the client sends none before that answer.
  #requestOf(sql) {
    const {engine} = this.#bridge;
    if (this.inTransaction) engine.exec(query('savepoint bridge_probe'));
    const answer = engine.exec(query(sql), copyFail('probe'));
    if (this.inTransaction) engine.exec(query('rollback to bridge_probe'), query('release bridge_probe'));
    return [...messages(answer)].find(({type}) => type === 'G')?.whole ?? null;
  }

  #finishCopy(next) {
    const {head, data, extended} = this.#copy;
    this.#copy = null;
    const last = 'cf'.includes(next.type) ? next.whole : copyFail(`unexpected message type "${next.type}" during COPY`);
    const answers = [...messages(this.#bridge.engine.exec(head, ...data, last))];
    const told = 1 + answers.findIndex(({type}) => type === 'G'); // 0 if there was an error before
    this.#answer(Buffer.concat(answers.slice(told).map(({whole}) => whole)), extended ? 'H' : 'Q');
  }

  #deallocateAll() {
    const answers = [...messages(this.#bridge.engine.exec(this.session.forgetStatements()))];
    this.#answer(Buffer.concat([commandComplete('DEALLOCATE ALL'), answers.at(-1).whole]), 'Q');
  }

  #answer(bytes, lastType) {
    for (const {type, body} of messages(bytes)) {
      if (type === 'Z') this.#status = String.fromCharCode(body[0]);
    }
    this.#unsynced = lastType === 'H';
    if (bytes.length > 0) this.#socket.write(bytes);
  }

  #statementOf(bind) {
    return this.session.sql(readCstring(bind, readCstring(bind)[1])[0]);
  }

  #sees(sql) {
    this.session.sees(sql);
    this.usedTemporary ||= TEMPORARY.test(sql);
    this.usedAdvisory ||= ADVISORY.test(sql);
  }
}
