/**
 * Whole requests per second: clients ask the embedded service about photos that it has never seen, each as soon as its last
 * answer is there. Prints a line of JSON. `bench/gpu/run.sh` runs it twice, without and with batches.
 *
 *     node bench/dist/gpu/service-throughput.js --provider cuda --batch 8 --clients 16 --seconds 30
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ReadyzResponse, SegmentResponse } from '@tessera/contracts';
import { repositoryRoot } from '@tessera/evaluation';
import sharp from 'sharp';
import { encodeForm, post, startService, type Form } from '../speed/service.js';

const sample = join(repositoryRoot, 'packages/playground/public/samples/chelsea.jpg');
const query = 'the cat';

const { values: flags } = parseArgs({
  options: {
    provider: { type: 'string', default: 'cuda' },
    batch: { type: 'string', default: '1' },
    clients: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '30' },
  },
});
const [clients, seconds] = [Number(flags.clients), Number(flags.seconds)];
const environment = {
  ...process.env,
  EXECUTION_PROVIDERS: flags.provider,
  TESSERA_MAX_BATCH: flags.batch,
  REDIS_URL: '',
};
const photo = await readFile(sample);
let serial = 0;
const service = await startService(repositoryRoot, environment);
try {
  const { workers } = await ready();
  // The first answers allocate memory, of every size of a batch.
  await askInTurn(clients, () => serial < 3 * clients);
  const [startedAt, latencies] = [performance.now(), [] as number[]];
  await askInTurn(clients, () => performance.now() - startedAt < seconds * 1000, latencies);
  const elapsed = (performance.now() - startedAt) / 1000;
  latencies.sort((one, other) => one - other);
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? null;
  const row = {
    case: flags.batch === '1' ? 'batching off' : 'batching on',
    provider: workers[0]?.execution_provider ?? 'unknown',
    devices: workers[0]?.devices.length ?? 0,
    max_batch: Number(flags.batch),
    clients,
    answers: latencies.length,
    per_second: latencies.length / elapsed,
    p50_ms: at(0.5),
    p99_ms: at(0.99),
  };
  console.log(JSON.stringify(row));
} finally {
  await service.stop();
}

/** A busy service may be unready for a moment: it says so with 503. */
async function ready(): Promise<ReadyzResponse> {
  for (;;) {
    const response = await fetch(`${service.url}/readyz`);
    if (response.ok) return (await response.json()) as ReadyzResponse;
    await response.body?.cancel();
    await delay(500);
  }
}

/** Each client asks once, and goes on while it may. */
async function askInTurn(count: number, mayGoOn: () => boolean, latencies: number[] = []): Promise<void> {
  const client = async (): Promise<void> => {
    do {
      const form = await newForm();
      const sentAt = performance.now();
      await post<SegmentResponse>(`${service.url}/segment`, form);
      latencies.push(performance.now() - sentAt);
    } while (mayGoOn());
  };
  await Promise.all(Array.from({ length: count }, client));
}

/** The same pixels in a file that the service has not seen. */
async function newForm(): Promise<Form> {
  serial += 1;
  const file = await sharp(photo)
    .keepMetadata()
    .withExif({ IFD0: { ImageDescription: String(serial) } })
    .jpeg()
    .toBuffer();
  return await encodeForm(file, { query });
}
