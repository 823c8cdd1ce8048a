import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import { cleanUpAfter } from '../support/clean-up.js';
import { bodyOf, drawnPicture, postSegment } from '../support/requests.js';
import { startEmbedded, startGateway, startWorker, type HttpService } from '../support/services.js';
import type { RunningProcess } from '../support/process.js';
import { linkModels } from '../support/models.js';
import { TraceReceiver, type ReceivedSpan } from '../support/trace-receiver.js';

/** Services that trace, and the receiver of their spans. */
interface Traced {
  readonly gateway: HttpService;
  /** All processes, in the order in which to stop them. */
  readonly processes: readonly RunningProcess[];
  readonly services: { readonly gateway: string; readonly worker: string };
  readonly clean: () => Promise<void>;
}

const modes = [
  {
    name: 'in one process',
    skip: false as const,
    start: async (environment: Record<string, string>): Promise<Traced> => {
      const directory = await mkdtemp(join(tmpdir(), 'tessera-traces-'));
      const gateway = await startEmbedded({ ...environment, DATA_DIR: directory });
      return {
        gateway,
        processes: [gateway.process],
        services: { gateway: 'tessera', worker: 'tessera' },
        clean: () => rm(directory, { recursive: true, force: true }),
      };
    },
  },
  {
    name: 'from process to process, over Redis',
    skip: redisSkipReason,
    start: async (environment: Record<string, string>): Promise<Traced> => {
      const redis = await RedisServer.start();
      const cluster = { ...environment, REDIS_URL: redis.url };
      const gateway = await startGateway(cluster);
      const worker = await startWorker(cluster);
      return {
        gateway,
        processes: [gateway.process, worker],
        services: { gateway: 'tessera-gateway', worker: 'tessera-worker' },
        clean: () => redis.remove(),
      };
    },
  },
];

const models = linkModels('tessera-mini');

for (const { name, skip, start } of modes) {
  describe(`a trace ${name}`, { skip, timeout: 300_000 }, () => {
    const traceId = randomBytes(16).toString('hex');
    const callerId = randomBytes(8).toString('hex');
    let receiver: TraceReceiver;
    let traced: Traced;
    let jobId: string;
    /** Of the trace of one request. */
    let spans: ReceivedSpan[];
    let logLines: Record<string, unknown>[];
    let refusedStatus: number;

    const names = () => spans.map((one) => one.name).join(', ');
    const first = (is: (span: ReceivedSpan) => boolean) => spans.find(is) ?? assert.fail(`not among: ${names()}`);
    const span = (wanted: string) => first((one) => one.name === wanted);
    const runs = () => spans.filter((one) => one.name.startsWith('run '));

    before(async () => {
      receiver = await TraceReceiver.open();
      traced = await start({
        MODELS_DIR: models,
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=a-collector-secret',
        TESSERA_THREADS: '1',
        LOG_LEVEL: 'debug',
      });
      const { url } = traced.gateway;
      const headers = { traceparent: `00-${traceId}-${callerId}-01`, 'x-request-id': 'the-traced-request' };
      const answer = await postSegment(url, await drawnPicture(), 'the stop sign', { headers });
      assert.equal(answer.status, 200, await answer.clone().text());
      jobId = (await bodyOf(answer)).id;
      refusedStatus = (await postSegment(url, Buffer.from('no picture'), 'the stop sign')).status;
      // The end of a job is read after its answer; one that is not read before the stop comes at the next start.
      await traced.gateway.process.waitForOutput(/"the-traced-request"[^\n]*"msg":"job ended"/, 10_000);
      for (const process of traced.processes) await process.stop('SIGTERM');
      spans = receiver.spans.filter((one) => one.traceId === traceId);
      const output = traced.processes.map((process) => process.output()).join('\n');
      logLines = output
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    });

    after(async () => {
      for (const process of traced.processes) await process.stop('SIGKILL');
      await traced.clean();
      receiver.close();
    });

    it('goes from the caller through the request and its job to every graph run', () => {
      const request = span('POST /segment');
      assert.deepEqual([request.kind, request.parentId, request.service], [2, callerId, traced.services.gateway]);
      const added = first(({ kind }) => kind === 4);
      assert.deepEqual([added.parentId, added.service], [request.spanId, traced.services.gateway]);
      const attempt = first(({ kind }) => kind === 5);
      assert.deepEqual([attempt.parentId, attempt.service], [added.spanId, traced.services.worker]);
      for (const stage of ['decode', 'vision', 'language', 'mask']) {
        assert.equal(span(`stage ${stage}`).parentId, attempt.spanId, stage);
      }
      assert.ok(runs().length >= 3, names());
      for (const run of runs()) {
        assert.match(first(({ spanId }) => spanId === run.parentId).name, /^stage /, run.name);
        assert.ok(run.endedAt > run.startedAt);
      }
    });

    it('says of the request and its job what they are, and of a run its graph, batch, device and provider', () => {
      const { attributes, status } = span('POST /segment');
      assert.equal(status, 1);
      assert.equal(attributes['http.request.method'], 'POST');
      assert.equal(attributes['http.route'], '/segment');
      assert.equal(attributes['http.response.status_code'], 200);
      assert.equal(attributes['tessera.request.id'], 'the-traced-request');
      const attempt = first(({ kind }) => kind === 5);
      assert.equal(attempt.attributes['bullmq.job.id'], `job-${jobId}`);
      assert.equal(attempt.attributes['tessera.job.kind'], 'segment');
      assert.equal(attempt.attributes['tessera.request.id'], 'the-traced-request');
      for (const run of runs()) {
        const { 'tessera.bundle': bundle, 'tessera.graph': graph } = run.attributes;
        assert.equal(run.name, `run ${String(bundle)} ${String(graph)}`);
        assert.equal(run.attributes['tessera.batch.size'], 1);
        assert.equal(run.attributes['tessera.device'], 0);
        assert.equal(run.attributes['tessera.execution_provider'], 'cpu');
        assert.ok(Number(run.attributes['tessera.run_ms']) > 0);
      }
    });

    it('counts what a client did wrong as no error of the service, and begins with a request alone', () => {
      assert.ok(refusedStatus >= 400 && refusedStatus < 500);
      const refused = receiver.spans.find(
        ({ attributes }) => attributes['http.response.status_code'] === refusedStatus,
      );
      assert.equal(refused?.status, 1);
      const roots = receiver.spans.filter(({ parentId }) => parentId === '' || parentId === callerId);
      assert.deepEqual(new Set(roots.map((root) => root.name)), new Set(['POST /segment']));
      assert.equal(receiver.headers['x-collector-key'], 'a-collector-secret');
    });

    it('is named in the log lines of its request and its job', () => {
      const about = logLines.filter((line) => line.reqId === 'the-traced-request');
      const messages = new Set(about.map(({ msg }) => msg));
      for (const message of ['incoming request', 'job queued', 'job succeeded', 'job ended', 'request completed']) {
        assert.ok(messages.has(message), `${message} is not among ${[...messages].join(', ')}`);
      }
      for (const line of about) assert.equal(line.trace_id, traceId, JSON.stringify(line));
      const ofJob = about.filter(({ msg }) => /^job |^request completed$/.test(String(msg)));
      for (const line of ofJob) assert.equal(line.job, jobId, JSON.stringify(line));
      assert.ok(!JSON.stringify(logLines).includes('a-collector-secret'));
    });
  });
}

describe('without a collector in the configuration', { timeout: 300_000 }, () => {
  it('nothing of OpenTelemetry but its API is loaded', async (test) => {
    const cleanUp = cleanUpAfter(test);
    const directory = await mkdtemp(join(tmpdir(), 'tessera-untraced-'));
    cleanUp(() => rm(directory, { recursive: true, force: true }));
    const coverage = join(directory, 'coverage');
    const service = await startEmbedded({
      DATA_DIR: join(directory, 'data'),
      MODELS_DIR: models,
      NODE_V8_COVERAGE: coverage,
    });
    cleanUp(() => service.process.stop('SIGKILL'));
    const answer = await postSegment(service.url, await drawnPicture(), 'the stop sign');
    assert.equal(answer.status, 200);
    await service.process.stop('SIGTERM');
    const files = await loadedFiles(coverage);
    assert.ok(files.some((file) => file.includes('/services/standalone/dist/main.js')));
    const own = /\/node_modules\/(@opentelemetry\/(?!api\/)|@fastify\/otel|bullmq-otel)|\/open-telemetry\.js$/;
    assert.deepEqual(
      files.filter((file) => own.test(file)),
      [],
    );
  });
});

/** The modules of all processes, as Node's coverage lists them when they end. */
async function loadedFiles(directory: string): Promise<string[]> {
  const reports = await Promise.all((await readdir(directory)).map((file) => readFile(join(directory, file), 'utf8')));
  return reports.flatMap((text) => {
    const { result } = JSON.parse(text) as { result: readonly { readonly url: string }[] };
    return result.map(({ url }) => url);
  });
}
