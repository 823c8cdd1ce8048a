import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import { answeredWithin, settledWithin, unlessAborted, withTimeout } from './time-limits.js';

const never = new Promise<string>(() => {});
const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

describe('a time limit', () => {
  it('gives what the promise gives in time and leaves no timer behind', async () => {
    const before = timers();
    assert.equal(await settledWithin(Promise.resolve('value'), 60_000), 'value');
    assert.equal(await withTimeout(delay(5, 'value'), 60_000, () => new Error('late')), 'value');
    await assert.rejects(settledWithin(Promise.reject(new Error('own')), 60_000), /own/);
    await assert.rejects(
      withTimeout(Promise.reject(new Error('own')), 60_000, () => new Error('late')),
      /own/,
    );
    assert.equal(timers(), before);
  });

  it('ends the wait with nothing, or with the error of the caller', async () => {
    assert.equal(await settledWithin(never, 5), undefined);
    await assert.rejects(
      withTimeout(never, 5, () => new Error('late')),
      /late/,
    );
  });

  it('ignores a rejection that comes after the limit', async (context) => {
    const unhandled = context.mock.fn();
    process.on('unhandledRejection', unhandled);
    try {
      const failing = () => delay(20).then(() => Promise.reject(new Error('too late to matter')));
      await settledWithin(failing(), 1);
      await assert.rejects(
        withTimeout(failing(), 1, () => new Error('late')),
        /late/,
      );
      await assert.rejects(unlessAborted(failing(), AbortSignal.abort(new Error('aborted'))), /aborted/);
      await delay(50);
      assert.equal(unhandled.mock.callCount(), 0);
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });
});

describe('a limit for an answer from elsewhere', () => {
  it('does not count the time in which this process is too busy to take the answer', async () => {
    const worker = new Worker(
      `require('node:worker_threads').parentPort.on('message', (port) => port.postMessage('answer'))`,
      {
        eval: true,
      },
    );
    try {
      const ask = () =>
        new Promise<string>((resolve) => {
          const { port1, port2 } = new MessageChannel();
          port1.once('message', (text: string) => {
            port1.close();
            resolve(text);
          });
          worker.postMessage(port2, [port2]);
        });
      await ask();
      const asked = answeredWithin(ask(), 50, () => new Error('late'));
      const busyUntil = performance.now() + 200;
      while (performance.now() < busyUntil);
      assert.equal(await asked, 'answer');
    } finally {
      await worker.terminate();
    }
  });

  it('ends when no answer comes', async () => {
    await assert.rejects(
      answeredWithin(never, 20, () => new Error('late')),
      /late/,
    );
  });
});

describe('a wait with a signal', () => {
  it('gives what the promise gives while the signal is silent', async () => {
    assert.equal(await unlessAborted(Promise.resolve(1), undefined), 1);
    assert.equal(await unlessAborted(delay(5, 2), new AbortController().signal), 2);
  });

  it('rejects with the reason, whenever the signal fires', async () => {
    await assert.rejects(unlessAborted(never, AbortSignal.abort(new Error('before'))), /before/);
    const controller = new AbortController();
    const waiting = assert.rejects(unlessAborted(never, controller.signal), /during/);
    controller.abort(new Error('during'));
    await waiting;
  });
});
