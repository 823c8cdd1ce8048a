import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from './cluster.js';
import type { Scenario } from './scenario.js';
import { tinyImage, tinyQuery } from './tiny-model.js';

/** Pause between two bytes. */
const trickleMs = 1_000;
/** Node looks for late requests every five seconds; the rest is for a busy machine. */
const slackMs = 15_000;
/** Of the gateway: for headers, and for a whole request. */
const headersTimeoutMs = 15_000;
const bodyTimeoutMs = 60_000;
/** The slowest that others may be answered meanwhile. */
const slowestAnswerMs = 5_000;
const askEveryMs = 500;

/** How a slow client begins its request; single bytes follow for ever. */
const beginnings = {
  headers: { text: 'POST /segment HTTP/1.1\r\nhost: localhost\r\nx-slow: ', byte: 'a', timeoutMs: headersTimeoutMs },
  body: {
    text: 'POST /segment HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{"image":"',
    byte: 'A',
    timeoutMs: bodyTimeoutMs,
  },
} as const;

/** Clients that send a byte a second: each is ended with 408 in time, and others are answered meanwhile. */
export const slowClients: Scenario = async ({ slowClients: clients }, report) => {
  const cluster = await Cluster.start({ gateways: 1, workers: 1 });
  const [url = ''] = cluster.urls;
  try {
    const failures: string[] = [];
    const open = Object.values(beginnings).flatMap((beginning) =>
      Array.from({ length: clients / 2 }, () => trickle(url, beginning, failures)),
    );
    const over = new AbortController();
    const latencies: number[] = [];
    const others = (async () => {
      for (let serial = 0; !over.signal.aborted; serial++) {
        latencies.push(await answerMs(url, serial, failures));
        await delay(askEveryMs);
      }
    })();
    report(`${open.length} clients send a byte a second`);
    const lasted = await Promise.all(open);
    over.abort();
    await others;
    const slowest = Math.max(...latencies);
    if (slowest > slowestAnswerMs) failures.push(`another client waited ${Math.round(slowest)} ms for its answer`);
    return {
      failures,
      figures: {
        clients: open.length,
        longest_s: Math.round(Math.max(...lasted) / 1000),
        others_answered: latencies.length,
      },
    };
  } finally {
    await cluster.stop(false);
  }
};

/** Sends slowly until the connection is closed. @returns how long that took, in milliseconds */
async function trickle(
  url: string,
  { text, byte, timeoutMs }: (typeof beginnings)[keyof typeof beginnings],
  failures: string[],
): Promise<number> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({ host: hostname, port: Number(port) });
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  // A reset while a byte is on its way is an end, too.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const startedAt = performance.now();
  socket.write(text);
  const timer = setInterval(() => {
    if (answer === '') socket.write(byte);
    else socket.end();
  }, trickleMs);
  const closed = once(socket, 'close').then(() => true);
  const isClosed = await Promise.race([closed, delay(timeoutMs + slackMs, false, { ref: false })]);
  clearInterval(timer);
  socket.destroy();
  if (!isClosed) failures.push(`a slow client was not ended within ${(timeoutMs + slackMs) / 1000} s`);
  else if (!/^HTTP\/1\.1 408 [^]*application\/problem\+json/.test(answer)) {
    failures.push(`a slow client was answered ${JSON.stringify(answer.slice(0, 80))}`);
  }
  return performance.now() - startedAt;
}

async function answerMs(url: string, serial: number, failures: string[]): Promise<number> {
  const { png } = await tinyImage(serial);
  const body = JSON.stringify({ image: png.toString('base64'), query: tinyQuery, refine: false });
  const startedAt = performance.now();
  const response = await fetch(`${url}/segment`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  if (response.status !== 200) failures.push(`another client was answered ${response.status}`);
  await response.arrayBuffer();
  return performance.now() - startedAt;
}
