/** One event of a stream of server-sent events. */
export interface ServerEvent {
  readonly event: string;
  /** The last id that the stream has given, this event's or an earlier one's. */
  readonly lastId: string;
  readonly data: string;
}

/** Reads a stream of server-sent events (WHATWG HTML, section 9.2.6); an event that is cut off is dropped. */
export async function* readEvents(text: AsyncIterable<string>): AsyncGenerator<ServerEvent> {
  let event = '';
  let lastId = '';
  let data: string[] = [];
  for await (const line of lines(text)) {
    if (line === '') {
      if (data.length > 0) yield { event: event === '' ? 'message' : event, lastId, data: data.join('\n') };
      event = '';
      data = [];
      continue;
    }
    const [field, value] = split(line);
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id' && !value.includes('\0')) lastId = value;
  }
}

function split(line: string): [field: string, value: string] {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  const value = line.slice(colon + 1);
  return [line.slice(0, colon), value.startsWith(' ') ? value.slice(1) : value];
}

async function* lines(text: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  let endsWithReturn = false;
  for await (const chunk of text) {
    if (chunk === '') continue;
    // A carriage return ends its line at once; a line feed after it belongs to the same line break.
    const fresh = endsWithReturn && chunk.startsWith('\n') ? chunk.slice(1) : chunk;
    endsWithReturn = chunk.endsWith('\r');
    const parts = (rest + fresh).split(/\r\n|\n|\r/);
    rest = parts.pop() ?? '';
    yield* parts;
  }
}
