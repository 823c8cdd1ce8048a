/** A pickle that is damaged, or that holds more than plain values. */
export class PickleError extends Error {
  override readonly name = 'PickleError';
}

type Key = string | number;
type Value = null | boolean | number | string | Value[] | Map<Key, Value>;

/** Of a binary operation that pushes one value: how many bytes of it follow, and what they are. */
const numbers: Readonly<Record<string, readonly [size: number, read: (bytes: DataView) => number]>> = {
  J: [4, (bytes) => bytes.getInt32(0, true)],
  K: [1, (bytes) => bytes.getUint8(0)],
  M: [2, (bytes) => bytes.getUint16(0, true)],
  G: [8, (bytes) => bytes.getFloat64(0, false)],
};

/** Bytes of the length before a string. Python 2's `T` and `U` are read as UTF-8, of which ASCII is a part. */
const strings: Readonly<Record<string, 1 | 4>> = { T: 4, U: 1, X: 4, '\x8c': 1 };

/**
 * Reads a Python pickle of plain values: None, booleans, numbers, strings, lists, tuples and dictionaries, of protocols 0 to
 * 5, as `pickletools` of CPython describes them. Nothing else is looked up, imported or called, so that a pickle cannot run
 * code: a class, a function or any other object in it is an error.
 *
 * @returns JSON's values: tuples are arrays, dictionaries objects
 * @throws PickleError
 */
export function readPlainPickle(bytes: Uint8Array): unknown {
  return plain(new PickleReader(bytes).read());
}

class PickleReader {
  readonly #bytes: Uint8Array;
  #place = 0;
  #stack: Value[] = [];
  /** Stacks below the marks. */
  readonly #below: Value[][] = [];
  readonly #memo = new Map<number, Value>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(): Value {
    for (;;) {
      const operation = String.fromCharCode(this.#take(1)[0] ?? 0);
      if (operation === '.') return this.#pop();
      this.#do(operation);
    }
  }

  #do(operation: string): void {
    const [number, lengthSize] = [numbers[operation], strings[operation]];
    if (number !== undefined) {
      this.#push(number[1](this.#view(number[0])));
      return;
    }
    if (lengthSize !== undefined) {
      this.#push(new TextDecoder().decode(this.#take(this.#length(lengthSize))));
      return;
    }
    switch (operation) {
      case '\x80': // protocol
        return void this.#take(1);
      case '\x95': // frame
        return void this.#take(8);
      case 'N': {
        this.#push(null);
        return;
      }
      case '\x88':
      case '\x89': {
        this.#push(operation === '\x88');
        return;
      }
      case 'I': {
        const text = this.#line();
        this.#push(text === '00' || text === '01' ? text === '01' : numberOf(text));
        return;
      }
      case 'L': {
        this.#push(numberOf(this.#line().replace(/L$/, '')));
        return;
      }
      case 'F': {
        this.#push(numberOf(this.#line()));
        return;
      }
      case '\x8a': {
        this.#push(littleEndian(this.#take(this.#length(1))));
        return;
      }
      case 'S': {
        this.#push(unquoted(this.#line()));
        return;
      }
      case 'V': {
        this.#push(withoutEscapes(this.#line()));
        return;
      }
      case '(':
        this.#below.push(this.#stack);
        this.#stack = [];
        return;
      case ']':
      case ')': {
        this.#push([]);
        return;
      }
      case 'l':
      case 't': {
        this.#push(this.#sinceMark());
        return;
      }
      case '\x85':
      case '\x86':
      case '\x87': {
        this.#push(this.#popMany(operation.charCodeAt(0) - 0x84));
        return;
      }
      case 'a': {
        this.#append([this.#pop()]);
        return;
      }
      case 'e': {
        this.#append(this.#sinceMark());
        return;
      }
      case '}': {
        this.#push(new Map());
        return;
      }
      case 'd': {
        const items = this.#sinceMark();
        this.#push(new Map());
        this.#set(items);
        return;
      }
      case 's': {
        this.#set(this.#popMany(2));
        return;
      }
      case 'u': {
        this.#set(this.#sinceMark());
        return;
      }
      case 'p': {
        this.#remember(numberOf(this.#line()));
        return;
      }
      case 'q': {
        this.#remember(this.#length(1));
        return;
      }
      case 'r': {
        this.#remember(this.#length(4));
        return;
      }
      case '\x94': {
        this.#remember(this.#memo.size);
        return;
      }
      case 'g': {
        this.#recall(numberOf(this.#line()));
        return;
      }
      case 'h': {
        this.#recall(this.#length(1));
        return;
      }
      case 'j': {
        this.#recall(this.#length(4));
        return;
      }
      default:
        throw new PickleError(`it holds more than plain values (operation 0x${operation.charCodeAt(0).toString(16)})`);
    }
  }

  #take(count: number): Uint8Array {
    const end = this.#place + count;
    if (end > this.#bytes.length) throw new PickleError('it ends early');
    const taken = this.#bytes.subarray(this.#place, end);
    this.#place = end;
    return taken;
  }

  #view(count: number): DataView {
    const { buffer, byteOffset } = this.#take(count);
    return new DataView(buffer, byteOffset, count);
  }

  #length(size: 1 | 4): number {
    const view = this.#view(size);
    return size === 1 ? view.getUint8(0) : view.getUint32(0, true);
  }

  #line(): string {
    const end = this.#bytes.indexOf(10, this.#place);
    if (end < 0) throw new PickleError('it ends early');
    const text = Buffer.from(this.#take(end - this.#place)).toString('latin1');
    this.#take(1);
    return text;
  }

  #push(value: Value): void {
    this.#stack.push(value);
  }

  #pop(): Value {
    const value = this.#stack.pop();
    if (value === undefined) throw new PickleError('it takes a value that is not there');
    return value;
  }

  #popMany(count: number): Value[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  #sinceMark(): Value[] {
    const [items, below] = [this.#stack, this.#below.pop()];
    if (below === undefined) throw new PickleError('it takes a mark that is not there');
    this.#stack = below;
    return items;
  }

  #append(values: readonly Value[]): void {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list)) throw new PickleError('it appends to what is no list');
    for (const value of values) list.push(value);
  }

  #set(items: readonly Value[]): void {
    const dictionary = this.#stack.at(-1);
    if (!(dictionary instanceof Map) || items.length % 2 === 1) throw new PickleError('it fills what is no dictionary');
    for (let place = 0; place < items.length; place += 2) {
      const [key, value = null] = items.slice(place, place + 2);
      if (typeof key !== 'string' && typeof key !== 'number') throw new PickleError('a key is no string and no number');
      dictionary.set(key, value);
    }
  }

  #remember(place: number): void {
    this.#memo.set(place, this.#stack.at(-1) ?? null);
  }

  #recall(place: number): void {
    const value = this.#memo.get(place);
    if (value === undefined) throw new PickleError('it repeats a value that is not there');
    this.#push(value);
  }
}

function numberOf(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new PickleError(`"${text}" is no number`);
  return value;
}

/** Two's complement. @throws PickleError where it is no exact number here */
function littleEndian(bytes: Uint8Array): number {
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  const number = Number(BigInt.asIntN(8 * bytes.length, value));
  if (!Number.isSafeInteger(number)) throw new PickleError('a number is too large');
  return number;
}

/** A string as Python 2 writes it between quotes. */
function unquoted(text: string): string {
  const [, , inner] = /^(['"])(.*)\1$/s.exec(text) ?? [];
  if (inner === undefined) throw new PickleError('a string has no quotes');
  const simple: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  const bytes = inner.replace(
    /\\(?:x([0-9a-f]{2})|(.))/gis,
    (_, code: string | undefined, character: string | undefined) => {
      return code === undefined
        ? (simple[character ?? ''] ?? character ?? '')
        : String.fromCharCode(parseInt(code, 16));
    },
  );
  return new TextDecoder().decode(Buffer.from(bytes, 'latin1'));
}

/** A string in Python's codec `raw_unicode_escape`. */
function withoutEscapes(text: string): string {
  return text.replace(
    /\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g,
    (_, short: string | undefined, long: string | undefined) => {
      const code = parseInt(short ?? long ?? '', 16);
      if (code > 0x10ffff) throw new PickleError('a string has a character that does not exist');
      return String.fromCodePoint(code);
    },
  );
}

/** Shared values are copied; one that holds itself has no end and is refused. */
function plain(value: Value, holders: readonly Value[] = []): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (holders.includes(value)) throw new PickleError('a value holds itself');
  const inner = [...holders, value];
  if (Array.isArray(value)) return value.map((element) => plain(element, inner));
  return Object.fromEntries([...value].map(([key, element]) => [key, plain(element, inner)]));
}
