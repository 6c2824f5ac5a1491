// A copy of a running database: its memory and its files. Going back to it takes a tenth of the time that opening the
// database again takes, and the program stays compiled.
//
// Take it, and go back to it, only while the database waits for a client: then nothing of it is on the JavaScript stack.

const PAGE = 65536;
const ZEROS = Buffer.alloc(PAGE);

// How many programs and libraries were loaded. A library that was loaded after the copy is not in the copied memory, but is in
// Emscripten's tables: then there is no way back.
export let loaded = 0;
for (const name of ['Instance', 'instantiate']) {
  WebAssembly[name] = new Proxy(WebAssembly[name], {
    construct: (target, values) => (loaded++, Reflect.construct(target, values)),
    apply: (target, self, values) => (loaded++, Reflect.apply(target, self, values)),
  });
}

export class Image {
  #module;
  #stack;
  #pages; // null stands for zeros
  #names;
  #nodes;
  #streams;

  constructor(module) {
    this.#module = module;
    this.#stack = module.___stack_pointer.value;
    this.#pages = pages(module).map((page) => (page.equals(ZEROS) ? null : Buffer.from(page)));
    const {nameTable, streams} = module.FS;
    this.#names = [...nameTable];
    this.#streams = streams.map((stream) => stream && {stream, own: {...stream}, shared: {...stream.shared}});
    const nodes = new Set(streams.flatMap((stream) => stream?.node ?? []));
    for (let node of nameTable) for (; node; node = node.name_next) nodes.add(node);
    this.#nodes = [...nodes].map((node) => ({node, own: {...node, contents: copy(node)}}));
  }

  restore() {
    this.#module.___stack_pointer.value = this.#stack;
    pages(this.#module).forEach((page, number) => {
      const wanted = this.#pages[number] ?? ZEROS;
      if (!page.equals(wanted)) wanted.copy(page);
    });
    for (const {node, own} of this.#nodes) {
      Object.assign(node, own, {contents: unchanged(node, own) ? node.contents : copy(own)});
    }
    const {FS} = this.#module;
    FS.nameTable = [...this.#names];
    FS.streams = this.#streams.map((saved) => saved && restoreStream(saved));
  }
}

// The memory may have grown since the copy; what is new is zero in it.
function pages({HEAPU8}) {
  const found = [];
  for (let at = 0; at < HEAPU8.length; at += PAGE) found.push(Buffer.from(HEAPU8.buffer, at, PAGE));
  return found;
}

// A file's bytes, a folder's entries, or what a device has.
function copy({contents, usedBytes}) {
  if (contents instanceof Uint8Array) return contents.slice(0, usedBytes);
  return contents && typeof contents === 'object' ? {...contents} : contents;
}

function unchanged(node, own) {
  return (
    node.contents instanceof Uint8Array &&
    own.contents instanceof Uint8Array &&
    node.usedBytes === own.usedBytes &&
    Buffer.compare(node.contents.subarray(0, node.usedBytes), own.contents) === 0
  );
}

function restoreStream({stream, own, shared}) {
  Object.assign(stream, own);
  Object.assign(stream.shared, shared);
  return stream;
}
