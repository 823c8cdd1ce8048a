import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ReceiverSlots } from './receiver-slots.js';

class Busy extends Error {
  readonly waitMs: number;

  constructor(waitMs: number) {
    super('busy');
    this.waitMs = waitMs;
  }
}

test('a receiver gets as many messages at once as it may, whatever the paths of its URLs, and others theirs', async () => {
  const slots = new ReceiverSlots(2);
  const busy = (waitMs: number) => new Busy(waitMs);
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const send = (url: string) => slots.use(url, () => ended, busy);
  const running = [send('https://one.example/a'), send('https://one.example/b')];
  await assert.rejects(send('https://one.example/c'), Busy);
  running.push(send('https://two.example/a'), send('https://one.example:8443/a'));
  end();
  await Promise.all(running);
  await send('https://one.example/c');
});

test('messages that wait come back later the slower the receiver is, and the more of them there are', async () => {
  const slots = new ReceiverSlots(2);
  const url = 'https://slow.example/';
  const busy = (waitMs: number) => new Busy(waitMs);
  const waitOf = async (): Promise<number> => {
    const refused = await slots.use(url, () => Promise.resolve(), busy).catch((error: unknown) => error);
    assert.ok(refused instanceof Busy);
    return refused.waitMs;
  };
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const running = [slots.use(url, () => ended, busy)];
  await slots.use(url, () => delay(200), busy);
  running.push(slots.use(url, () => ended, busy));
  const [first, second] = [await waitOf(), await waitOf()];
  assert.ok(first >= 195, `${first} ms`);
  assert.ok(Math.abs(second - 1.5 * first) <= 2, `${second} ms after ${first} ms`);
  end();
  await Promise.all(running);
});
