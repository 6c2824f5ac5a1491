// PostgreSQL's wire protocol, version 3: reading and building messages.
// https://www.postgresql.org/docs/17/protocol-message-formats.html

export const PROTOCOL_3 = 3;
export const CANCEL_REQUEST = 80877102;
export const ENCRYPTION_REQUESTS = [80877103, 80877104]; // SSLRequest, GSSENCRequest

export const int32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

export const cstring = (text) => Buffer.from(`${text}\0`, 'utf8');

// A message with a type; the length counts itself but not the type.
export const message = (type, ...parts) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body]);
};

export const query = (sql) => message('Q', cstring(sql));
export const sync = () => message('S');
export const copyFail = (reason) => message('f', cstring(reason));
export const closeStatement = (name) => message('C', Buffer.from('S'), cstring(name));
export const commandComplete = (tag) => message('C', cstring(tag));
export const readyForQuery = (status) => message('Z', Buffer.from(status, 'latin1'));
export const parameterStatus = (name, value) => message('S', cstring(name), cstring(value));

export const errorResponse = ({severity = 'ERROR', code, text, hint}) => {
  const fields = {S: severity, V: severity, C: code, M: text, ...(hint && {H: hint})};
  const parts = Object.entries(fields).map(([key, value]) => cstring(key + value));
  return message('E', ...parts, Buffer.from([0]));
};

// Cuts a buffer that holds whole messages.
export function* messages(buffer) {
  for (let at = 0; at < buffer.length; ) {
    const end = at + 1 + buffer.readInt32BE(at + 1);
    const whole = buffer.subarray(at, end);
    yield {type: String.fromCharCode(whole[0]), body: whole.subarray(5), whole};
    at = end;
  }
}

// The zero-terminated string at an offset, and the offset behind it.
export const readCstring = (body, at = 0) => {
  const end = body.indexOf(0, at);
  return [body.toString('utf8', at, end), end + 1];
};

// The fields of an ErrorResponse, by their letter.
export const errorFields = (body) => {
  const fields = {};
  for (let at = 0; body[at] !== 0; ) {
    const [text, next] = readCstring(body, at);
    fields[text[0]] = text.slice(1);
    at = next;
  }
  return fields;
};

// The columns of a DataRow in text format.
export const rowValues = (body) => {
  const values = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? null : body.toString('utf8', at, at + length));
    at += Math.max(length, 0);
  }
  return values;
};

// Gathers what a client sends and hands out whole messages; until started() they have no type.
export class Reader {
  #chunks = [];
  #length = 0;
  #hasTypes = false;

  push(chunk) {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  started() {
    this.#hasTypes = true;
  }

  next() {
    const head = this.#hasTypes ? 1 : 0;
    if (this.#length < head + 4) return null;
    if (this.#chunks[0].length < head + 4) this.#join();
    const size = head + this.#chunks[0].readInt32BE(head);
    if (this.#length < size) return null;
    if (this.#chunks[0].length < size) this.#join();
    const whole = this.#chunks[0].subarray(0, size);
    this.#chunks[0] = this.#chunks[0].subarray(size);
    this.#length -= size;
    return {type: head ? String.fromCharCode(whole[0]) : '', body: whole.subarray(head + 4), whole};
  }

  #join() {
    this.#chunks = [Buffer.concat(this.#chunks)];
  }
}
