import { availableParallelism, cpus } from 'node:os';
import { median, mean } from '@tessera/evaluation';
import sharp from 'sharp';
import { cpuMsOf } from './cpu-time.js';
import { loadSubjects } from './latency-rows.js';
import { post, type Form } from './service.js';

/** A service that is measured. */
export interface Contender {
  readonly name: string;
  /** Where the requests go. */
  readonly url: string;
  /** Of all its processes those that nobody of it has started. */
  readonly pids: readonly number[];
  /** The request about a photo. */
  readonly body: (image: string) => object;
  readonly stop: () => Promise<void>;
}

/** What some requests took. */
export interface Turn {
  /** Milliseconds of each. */
  readonly latencies: readonly number[];
  readonly perSecond: number;
  /** CPU time of the service for an answer, in milliseconds. */
  readonly cpuMs: number;
  /** The same of this process, the client's share. */
  readonly clientCpuMs: number;
}

/** Files that were sent. */
let serial = 0;

/** Sends `count` requests about photos that the service has not seen, as many at a time as there are clients. */
export async function takeTurn(
  { url, pids, body }: Contender,
  photos: readonly Buffer[],
  clients: number,
  count: number,
): Promise<Turn> {
  const forms = Array.from({ length: count }, (_, index): Form => {
    const photo = photos[index % photos.length] ?? Buffer.alloc(0);
    return jsonForm(body(unseen(photo).toString('base64')));
  });
  const latencies: number[] = [];
  const cpuBefore = await cpuMsOf(pids);
  const clientBefore = process.cpuUsage();
  const startedAt = performance.now();
  const client = async (): Promise<void> => {
    for (let form = forms.pop(); form !== undefined; form = forms.pop()) {
      const sentAt = performance.now();
      await post(url, form);
      latencies.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(clientBefore);
  return {
    latencies,
    perSecond: count / seconds,
    cpuMs: ((await cpuMsOf(pids)) - cpuBefore) / count,
    clientCpuMs: (user + system) / 1000 / count,
  };
}

/** Several turns as one: the medians of what they took. */
export function summarize(turns: readonly Turn[]) {
  const latencies = turns.flatMap((turn) => turn.latencies);
  return {
    perSecond: median(turns.map((turn) => turn.perSecond)),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    cpuMs: mean(turns.map((turn) => turn.cpuMs)),
    clientCpuMs: mean(turns.map((turn) => turn.clientCpuMs)),
  };
}

/** The value that a share of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}

/** Photos as JPEG files. */
export async function readPhotos(): Promise<Buffer[]> {
  const subjects = await loadSubjects();
  return Promise.all(subjects.map(({ picture }) => sharp(picture).jpeg({ quality: 92 }).toBuffer()));
}

/** A sentence about what was measured on, and when. */
export function machine(): string {
  const day = new Date().toISOString().slice(0, 10);
  return `Measured on ${day} on ${availableParallelism()} cores of ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}.`;
}

/** The same JPEG as another file: bytes after its end mean nothing. */
export function unseen(photo: Buffer): Buffer {
  serial += 1;
  return Buffer.concat([photo, Buffer.from(`photo ${serial}`)]);
}

export function jsonForm(content: object): Form {
  return { body: new TextEncoder().encode(JSON.stringify(content)).buffer, contentType: 'application/json' };
}
