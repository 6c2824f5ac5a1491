// What belongs to one client although all share the server's one session: its settings, user and prepared statements.

import {closeStatement, cstring, message, readCstring, sync} from './protocol.mjs';

const NAMED = {P: 0, B: 1, D: 2, C: 2}; // where the statement's name stands; see rename()
const CHANGES_SETTINGS = /\b(set|reset|set_config|discard)\b/i;

const quote = (text) => `'${text.replaceAll("'", "''")}'`;
const identifier = (text) => `"${text.replaceAll('"', '""')}"`;

export class Session {
  #prefix;
  #user;
  #role = 'none';
  #settings; // name -> value
  #mayHaveChanged = false;
  #statements = new Map(); // the client's name -> SQL; "" is the unnamed one

  constructor(id, parameters) {
    this.#prefix = `c${id}_`;
    const {user, database, options, ...settings} = parameters;
    this.#user = user;
    this.#settings = new Map([...Object.entries(settings), ...parseOptions(options ?? '')]);
  }

  sql(statement) {
    return this.#statements.get(statement) ?? '';
  }

  sees(sql) {
    this.#mayHaveChanged ||= CHANGES_SETTINGS.test(sql);
  }

  // Makes the server's session this client's; throws if its user or a setting is refused.
  load(engine) {
    if (this.#user !== 'postgres') {
      const login = engine.rows(`select rolcanlogin from pg_roles where rolname = ${quote(this.#user)}`)[0];
      if (login === undefined) throw new Error(`role "${this.#user}" does not exist`);
      if (login[0] !== 't') throw new Error(`role "${this.#user}" is not permitted to log in`);
      engine.rows(`set session authorization ${identifier(this.#user)}`);
    }
    if (this.#role !== 'none') engine.rows(`set role ${identifier(this.#role)}`);
    const calls = [...this.#settings].map(([name, value]) => `set_config(${quote(name)}, ${quote(value)}, false)`);
    if (calls.length > 0) engine.rows(`select ${calls.join(', ')}`);
  }

  // Remembers what the client has set, and leaves a clean session behind.
  unload(engine) {
    if (this.#mayHaveChanged) {
      this.#settings = new Map(engine.rows("select name, setting from pg_settings where source = 'session'"));
      [[this.#role, this.#user]] = engine.rows("select current_setting('role'), session_user");
    }
    engine.reset();
  }

  // Gives a message's prepared statement a name that no other client uses.
  rename({type, body, whole}) {
    if (!(type in NAMED)) return whole;
    if (NAMED[type] === 2) {
      const [name] = readCstring(body, 1);
      if (body[0] !== 'S'.charCodeAt(0) || name === '') return whole;
      return message(type, body.subarray(0, 1), cstring(this.#prefix + name));
    }
    const [first, behindFirst] = readCstring(body);
    const [second, behindSecond] = readCstring(body, behindFirst);
    if (type === 'P') {
      this.#statements.set(first, second);
      const name = first === '' ? '' : this.#prefix + first;
      return message('P', cstring(name), cstring(this.renameInSql(second)), body.subarray(behindSecond));
    }
    if (second === '') return whole;
    return message('B', body.subarray(0, behindFirst), cstring(this.#prefix + second), body.subarray(behindSecond));
  }

  // The messages that forget all statements of the client.
  forgetStatements() {
    const names = [...this.#statements.keys()].filter((name) => name !== '');
    this.#statements.clear();
    return Buffer.concat([...names.map((name) => closeStatement(this.#prefix + name)), sync()]);
  }

  // SQL that names a prepared statement; libpq before version 17 cannot close one by a message.
  renameInSql(sql) {
    return sql.replace(/^(\s*deallocate\s+(?:prepare\s+)?)("?)(\w+)\2/i, (_, head, mark, name) => `${head}"${this.#prefix}${name}"`);
  }
}

// The startup parameter "options": -c name=value, --name=value; a backslash keeps a blank.
const parseOptions = (text) => {
  const words = text.match(/(?:\\.|\S)+/g)?.map((word) => word.replace(/\\(.)/g, '$1')) ?? [];
  const joined = words.join('\0').replaceAll(/(^|\0)-c\0?/g, '$1--').split('\0');
  return joined.filter((word) => word.startsWith('--')).map((word) => {
    const [name, ...value] = word.slice(2).split('=');
    return [name.replaceAll('-', '_'), value.join('=')];
  });
};
