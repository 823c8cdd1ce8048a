/**
 * `npm run bench:peers [-- --answers 60 --squares --document]`: the detector of `tessera-baseline` behind this service (`refine: false`) and behind
 * LitServe and BentoML, with the same graph on the same cores. All stay up and take turns; one client and six ask about photos
 * that none has seen. Prints answers per second, latencies and the CPU time of all processes of a service per answer, next to
 * that of the graph alone. With `--squares` the others show it pictures padded to squares, as all did once. They
 * are installed from PyPI into a virtual environment in the temporary directory. With
 * `--document` the table is written to `docs/reference/service-benchmark.md`.
 */
import { spawn, execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { markdownRows, milliseconds, modelDirectory, repositoryRoot, writeSection } from '@tessera/evaluation';
import { loadBundle, startInferenceRunner } from '@tessera/inference';
import { settledWithin } from '@tessera/runtime';
import { freePort } from '@tessera/runtime/process';
import sharp from 'sharp';
import { cpuMsOf } from './cpu-time.js';
import { machine, readPhotos, summarize, takeTurn, type Contender, type Turn } from './load.js';
import { startService } from './service.js';

const run = promisify(execFile);
const { values: flags } = parseArgs({
  options: {
    answers: { type: 'string', default: '60' },
    squares: { type: 'boolean', default: false },
    document: { type: 'boolean', default: false },
  },
});
/** Answers of one turn. */
const answers = Number(flags.answers);
const turns = 5;
const clientCounts = [1, 6];
/** Enough for a service that adapts to load. */
const warmUps = 100;
/** Of the graph alone. */
const graphWarmUps = 5;
const model = 'tessera-baseline';
const peers = join(repositoryRoot, 'training/peers');
const graph = join(modelDirectory(model), 'detector.onnx');

const contenders: Contender[] = [];
try {
  const python = await installPeers();
  for (const start of [startTessera, startLitServe, startBentoMl]) contenders.push(await start(python));
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
      const { perSecond, p50, p99, cpuMs } = summarize(own);
      const cpu = `${milliseconds(cpuMs)} (${(cpuMs / graphMs).toFixed(2)} ×)`;
      table.push([String(clients), name, perSecond.toFixed(1), milliseconds(p50), milliseconds(p99), cpu]);
    }
  }
  const text = [
    markdownRows(['clients', 'service', 'answers a second', 'p50', 'p99', 'CPU time an answer'], table),
    `\nThe graph alone takes ${milliseconds(graphMs)} of CPU time on one thread. ${machine()}`,
  ].join('\n');
  console.log(text);
  if (flags.document) await writeSection('docs/reference/service-benchmark.md', 'peers', text);
} finally {
  await Promise.all(contenders.map((contender) => contender.stop()));
}

async function startTessera(): Promise<Contender> {
  const service = await startService(repositoryRoot);
  const body = (image: string) => ({ image, query: 'the person', model, refine: false });
  return { name: 'Tessera', url: `${service.url}/segment`, pids: [service.pid], body, stop: () => service.stop() };
}

/** Python of a virtual environment with the other services. */
async function installPeers(): Promise<string> {
  const environment = join(tmpdir(), 'tessera-peers');
  const python = join(environment, 'bin/python');
  if (!existsSync(python)) await run('python3', ['-m', 'venv', environment]);
  console.error('installing LitServe and BentoML …');
  await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', join(peers, 'requirements.txt')]);
  return python;
}

function startLitServe(python: string): Promise<Contender> {
  const command = (port: number) => [join(peers, 'litserve_detector.py'), graph, String(port)];
  return startPeer('LitServe', python, command, '/health');
}

function startBentoMl(python: string): Promise<Contender> {
  const command = (port: number) => [
    ...['-m', 'bentoml', 'serve', 'bentoml_detector:Detector', '--working-dir', peers],
    ...['--host', '127.0.0.1', '--port', String(port)],
  ];
  return startPeer('BentoML', python, command, '/readyz');
}

/** @param health - path that answers 200 once the service is ready */
async function startPeer(
  name: string,
  python: string,
  command: (port: number) => string[],
  health: string,
): Promise<Contender> {
  const port = await freePort();
  const child = spawn(python, command(port), {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: {
      ...process.env,
      TESSERA_GRAPH: graph,
      BENTOML_DO_NOT_TRACK: 'True',
      ...(flags.squares ? { TESSERA_SQUARES: '1' } : {}),
    },
    detached: true,
  });
  const exited = once(child, 'exit');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} could not be started.`);
  const stop = async (): Promise<void> => {
    // BentoML ends its workers itself, which are in groups of their own; LitServe's are in its group.
    process.kill(pid, 'SIGTERM');
    await settledWithin(exited, 10_000);
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // All of the group have ended.
    }
    await exited;
  };
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 120; attempt += 1) {
    const { ok } = await fetch(`${url}${health}`).catch(() => ({ ok: false }));
    if (ok) return { name, url: `${url}/predict`, pids: [pid], body: (image) => ({ image }), stop };
    await delay(500);
  }
  await stop();
  throw new Error(`${name} did not start within a minute.`);
}

/** CPU time of a run of the detector on one thread about a photo of 4 : 3, the mean of forty. */
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
    // As most photos are shown to it.
    const data = await sharp(photo).resize(512, 384, { fit: 'fill' }).removeAlpha().raw().toBuffer();
    const image = { type: 'uint8', dims: [1, 384, 512, 3], data: new Uint8Array(data) } as const;
    const detect = () =>
      runner.run({ bundle: model, graph: 'detector', feeds: { image }, fetch: ['boxes', 'scores', 'classes'] });
    for (let warmUp = 0; warmUp < graphWarmUps; warmUp += 1) await detect();
    const before = await cpuMsOf([pid]);
    const runs = 40;
    for (let index = 0; index < runs; index += 1) await detect();
    return ((await cpuMsOf([pid])) - before) / runs;
  } finally {
    await runner.close();
  }
}
