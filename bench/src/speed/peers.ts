/**
 * `npm run bench:peers [-- --answers 60]`: the detector of `tessera-baseline` behind this service (`refine: false`) and behind
 * LitServe, with the same graph on the same cores. Both stay up and take turns; one client and six ask about photos that
 * neither has seen. Prints answers per second, latencies and the CPU time of all processes of a service per answer, next to
 * that of the graph alone. LitServe is installed from PyPI into a virtual environment in the temporary directory.
 */
import { spawn, execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { markdownRows, mean, median, milliseconds, modelDirectory, repositoryRoot } from '@tessera/evaluation';
import { loadBundle, startInferenceRunner } from '@tessera/inference';
import sharp from 'sharp';
import { loadSubjects } from './latency-rows.js';
import { post, startService, type Form } from './service.js';

const run = promisify(execFile);
const { values: flags } = parseArgs({ options: { answers: { type: 'string', default: '60' } } });
/** Answers of one turn. */
const answers = Number(flags.answers);
const turns = 5;
const clientCounts = [1, 6];
const warmUps = 5;
const model = 'tessera-baseline';
const peers = join(repositoryRoot, 'training/peers');

/** A service that is measured. */
interface Contender {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** The request about a photo. */
  readonly body: (image: string) => object;
  readonly stop: () => Promise<void>;
}

interface Turn {
  readonly latencies: readonly number[];
  readonly perSecond: number;
  readonly cpuMs: number;
}

/** Files that were sent. */
let serial = 0;

const contenders: Contender[] = [];
try {
  contenders.push(await startTessera(), await startLitServe());
  const photos = await readPhotos();
  const graphMs = await graphCpuMs(photos[0] ?? Buffer.alloc(0));
  const table: string[][] = [];
  for (const clients of clientCounts) {
    const taken = new Map<Contender, Turn[]>(contenders.map((contender) => [contender, []]));
    for (const contender of contenders) await takeTurn(contender, photos, clients, warmUps);
    for (let turn = 0; turn < turns; turn += 1) {
      const order = turn % 2 === 0 ? contenders : contenders.toReversed();
      for (const contender of order) taken.get(contender)?.push(await takeTurn(contender, photos, clients, answers));
    }
    for (const [{ name }, own] of taken) {
      const latencies = own.flatMap((turn) => turn.latencies).sort((a, b) => a - b);
      const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN;
      const cpuMs = mean(own.map((turn) => turn.cpuMs));
      const perSecond = median(own.map((turn) => turn.perSecond)).toFixed(1);
      const cpu = `${milliseconds(cpuMs)} (${(cpuMs / graphMs).toFixed(2)} ×)`;
      table.push([String(clients), name, perSecond, milliseconds(at(0.5)), milliseconds(at(0.99)), cpu]);
    }
  }
  console.log(markdownRows(['clients', 'service', 'answers a second', 'p50', 'p99', 'CPU time an answer'], table));
  console.log(`\nThe graph alone takes ${milliseconds(graphMs)} of CPU time on one thread.`);
} finally {
  await Promise.all(contenders.map((contender) => contender.stop()));
}

/** Sends `count` requests, as many at a time as there are clients. */
async function takeTurn(
  { url, pid, body }: Contender,
  photos: readonly Buffer[],
  clients: number,
  count: number,
): Promise<Turn> {
  const forms = Array.from({ length: count }, (_, index): Form => {
    const photo = photos[index % photos.length] ?? Buffer.alloc(0);
    const content = JSON.stringify(body(unseen(photo).toString('base64')));
    return { body: new TextEncoder().encode(content).buffer, contentType: 'application/json' };
  });
  const latencies: number[] = [];
  const cpuBefore = await cpuMsOf(pid);
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
  return { latencies, perSecond: count / seconds, cpuMs: ((await cpuMsOf(pid)) - cpuBefore) / count };
}

/** The same JPEG as another file: bytes after its end mean nothing. */
function unseen(photo: Buffer): Buffer {
  serial += 1;
  return Buffer.concat([photo, Buffer.from(`photo ${serial}`)]);
}

async function readPhotos(): Promise<Buffer[]> {
  const subjects = await loadSubjects();
  const jpeg = ({ picture }: { readonly picture: Uint8Array }) => sharp(picture).jpeg({ quality: 92 }).toBuffer();
  return Promise.all(subjects.map(jpeg));
}

async function startTessera(): Promise<Contender> {
  const service = await startService(repositoryRoot);
  const body = (image: string) => ({ image, query: 'the person', model, refine: false });
  return { name: 'Tessera', url: `${service.url}/segment`, pid: service.pid, body, stop: () => service.stop() };
}

async function startLitServe(): Promise<Contender> {
  const environment = join(tmpdir(), 'tessera-peers');
  const python = join(environment, 'bin/python');
  if (!existsSync(python)) await run('python3', ['-m', 'venv', environment]);
  console.error('installing LitServe …');
  await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', join(peers, 'requirements.txt')]);
  const port = await freePort();
  const graph = join(modelDirectory(model), 'detector.onnx');
  const child = spawn(python, [join(peers, 'litserve_detector.py'), graph, String(port)], {
    stdio: ['ignore', 'ignore', 'ignore'],
    detached: true,
  });
  const exited = once(child, 'exit');
  const { pid } = child;
  if (pid === undefined) throw new Error('LitServe could not be started.');
  const stop = async (): Promise<void> => {
    // Its workers are processes of its group.
    process.kill(-pid, 'SIGKILL');
    await exited;
  };
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 120; attempt += 1) {
    const { ok } = await fetch(`${url}/health`).catch(() => ({ ok: false }));
    if (ok) return { name: 'LitServe', url: `${url}/predict`, pid, body: (image) => ({ image }), stop };
    await delay(500);
  }
  await stop();
  throw new Error('LitServe did not start within a minute.');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** CPU time of a run of the detector on one thread, the mean of forty. */
async function graphCpuMs(photo: Buffer): Promise<number> {
  const bundle = await loadBundle(modelDirectory(model));
  let pid = 0;
  const runner = await startInferenceRunner({
    bundles: [bundle],
    executionProviders: ['cpu'],
    threads: 1,
    runTimeoutMs: 60_000,
    log: { info: ({ inferencePid }) => (pid = Number(inferencePid)), warn: console.error, error: console.error },
  });
  try {
    const data = await sharp(photo).resize(512, 512, { fit: 'fill' }).removeAlpha().raw().toBuffer();
    const image = { type: 'uint8', dims: [1, 512, 512, 3], data: new Uint8Array(data) } as const;
    const detect = () =>
      runner.run({ bundle: model, graph: 'detector', feeds: { image }, fetch: ['boxes', 'scores', 'classes'] });
    for (let warmUp = 0; warmUp < warmUps; warmUp += 1) await detect();
    const before = await cpuMsOf(pid);
    const runs = 40;
    for (let index = 0; index < runs; index += 1) await detect();
    return ((await cpuMsOf(pid)) - before) / runs;
  } finally {
    await runner.close();
  }
}

/** CPU time of a process and of all that it started and that still run (Linux), in milliseconds. */
async function cpuMsOf(root: number): Promise<number> {
  const ticksPerSecond = 100;
  const processes = new Map<number, { readonly parent: number; readonly ticks: number }>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    // The name, in parentheses, may have spaces.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parent = 0] = fields;
    const [user = 0, system = 0] = fields.slice(11, 13);
    processes.set(Number(entry), { parent, ticks: user + system });
  }
  const belongs = (pid: number): boolean => {
    if (pid === root) return true;
    const parent = processes.get(pid)?.parent ?? 0;
    return parent > 1 && belongs(parent);
  };
  const ticks = [...processes].reduce((sum, [pid, own]) => sum + (belongs(pid) ? own.ticks : 0), 0);
  return (1000 * ticks) / ticksPerSecond;
}
