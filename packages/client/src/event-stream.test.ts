import assert from 'node:assert/strict';
import { ReadableStream } from 'node:stream/web';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readEvents, type ServerEvent } from './event-stream.js';

async function eventsOf(...chunks: string[]): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of readEvents(ReadableStream.from(chunks))) events.push(event);
  return events;
}

async function dataOf(...chunks: string[]): Promise<string[]> {
  return (await eventsOf(...chunks)).map(({ data }) => data);
}

/** Texts that are full of what could go wrong: fields, breaks of all kinds, halves of them. */
const piece = fc.constantFrom(
  'data',
  'event',
  'id',
  'retry',
  ':',
  ' ',
  'ü',
  '{"a":1}',
  '\n',
  '\n\n',
  '\r',
  '\r\n',
  '\0',
);
const streams = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));

function cut(text: string, places: readonly number[]): string[] {
  const ends = [...places.map((place) => place % (text.length + 1)), text.length].sort((left, right) => left - right);
  return ends.map((end, index) => text.slice(ends[index - 1] ?? 0, end));
}

describe('a stream of server-sent events', () => {
  it('gives the same events however it is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(streams, fc.array(fc.nat(), { maxLength: 30 }), async (text, places) => {
        const whole = await eventsOf(text);
        assert.deepEqual(await eventsOf(...cut(text, places)), whole);
        assert.deepEqual(await eventsOf(...text.split('')), whole);
      }),
    );
  });

  it('gives back what was written into it, whichever line break the writer uses', async () => {
    const line = fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text));
    const written = fc.array(fc.record({ event: line, id: line, data: fc.array(line, { minLength: 1 }) }));
    await fc.assert(
      fc.asyncProperty(written, fc.constantFrom('\n', '\r', '\r\n'), async (events, lineBreak) => {
        const text = events.map(({ event, id, data }) =>
          [`event: ${event}`, `id: ${id}`, ...data.map((part) => `data: ${part}`), '', ''].join(lineBreak),
        );
        let lastId = '';
        const expected = events.map(({ event, id, data }) => {
          if (!id.includes('\0')) lastId = id;
          return { event: event === '' ? 'message' : event, lastId, data: data.join('\n') };
        });
        assert.deepEqual(await eventsOf(...text), expected);
      }),
    );
  });

  it('gives an event as soon as its empty line is there', async () => {
    for (const lineBreak of ['\n', '\r', '\r\n']) {
      function* text() {
        yield `data: now${lineBreak}${lineBreak}`;
        assert.fail('the stream was read on');
      }
      const { value } = await readEvents(ReadableStream.from(text())).next();
      assert.deepEqual(value, { event: 'message', lastId: '', data: 'now' });
    }
  });

  it('skips comments, unknown fields and events without data', async () => {
    assert.deepEqual(await dataOf(': heartbeat\n\n', 'retry: 1000\n\n', 'event: progress\n\n', 'data: 1\n: x\n\n'), [
      '1',
    ]);
  });

  it('keeps an id for later events that have none, and takes an empty one', async () => {
    const events = await eventsOf(
      'id: 7\ndata: a\n\ndata: b\n\nid: 8\n\ndata: c\n\nid: x\0\ndata: d\n\nid\ndata: e\n\n',
    );
    assert.deepEqual(
      events.map(({ lastId, data }) => `${data} ${lastId}`),
      ['a 7', 'b 7', 'c 8', 'd 8', 'e '],
    );
  });

  it('does not carry the kind of an event over to the next', async () => {
    const events = await eventsOf('event: result\ndata: 1\n\nevent: error\n\ndata: 2\n\n');
    assert.deepEqual(
      events.map(({ event }) => event),
      ['result', 'message'],
    );
  });

  it('drops an event that is cut off', async () => {
    assert.deepEqual(await dataOf('data: whole\n\nevent: result\ndata: half'), ['whole']);
    assert.deepEqual(await dataOf('data: whole\n\ndata: half\n'), ['whole']);
  });

  it('joins the lines of the data and takes one space from each', async () => {
    assert.deepEqual(await dataOf('data: {\ndata:   "a": 1\ndata\ndata:}\n\n'), ['{\n  "a": 1\n\n}']);
  });
});
