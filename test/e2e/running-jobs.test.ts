import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisConnection } from '@tessera/runtime/redis';
import { redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import Schema from 'typebox/schema';
import { linkModels } from '../support/models.js';
import { bodyOf, drawnPicture, finishedJob, postSegment } from '../support/requests.js';
import { startEmbedded, startGateway, startWorker } from '../support/services.js';

/** A service, and whether it has stored a result. */
interface Place {
  readonly url: string;
  hasResult(jobId: string): Promise<boolean>;
  close(): Promise<void>;
}

const settings = { TESSERA_THREADS: '1', MODELS_DIR: linkModels('tessera-mini') };

async function embedded(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'tessera-running-'));
  const { url, process } = await startEmbedded({ DATA_DIR: directory, ...settings });
  return {
    url,
    hasResult: async (jobId) => {
      const files = await readdir(join(directory, 'blobs'), { recursive: true });
      return files.some((file) => file.includes(Buffer.from(`results/${jobId}`).toString('hex')));
    },
    close: async () => {
      await process.stop('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function cluster(): Promise<Place> {
  const redis = await RedisServer.start();
  const connection = await RedisConnection.open({
    url: redis.url,
    onError: assert.ifError,
    operationTimeoutMs: 5_000,
  });
  const environment = { REDIS_URL: redis.url, ...settings };
  const gateway = await startGateway(environment);
  const worker = await startWorker(environment);
  return {
    url: gateway.url,
    hasResult: async (jobId) => (await connection.client.exists(`tessera:blob:results/${jobId}`)) === 1,
    close: async () => {
      await Promise.all([gateway.process.stop('SIGKILL'), worker.stop('SIGKILL')]);
      connection.close();
      await redis.remove();
    },
  };
}

for (const [name, open, skip] of [
  ['in one process', embedded, false],
  ['in two processes over Redis', cluster, redisSkipReason],
] as const) {
  describe(`running jobs ${name}`, { skip }, () => {
    let place: Place;

    before(async () => {
      place = await open();
    });

    after(() => place.close());

    it('end when they are deleted, leave no result, and the worker goes on', async () => {
      const queries = Array.from({ length: 16 }, (_, index) => `the stop sign number ${index}`);
      const id = await postQueries(place.url, queries);
      while ((await bodyOf(await fetch(`${place.url}/jobs/${id}`))).status === 'queued') await delay(10);
      const response = await fetch(`${place.url}/jobs/${id}`, { method: 'DELETE' });
      assert.equal(response.status, 202, 'the job ran when it was deleted');
      const deletedAt = performance.now();
      assert.equal((await finishedJob(place.url, id)).status, 'cancelled');
      const endedMs = performance.now() - deletedAt;
      const next = await postSegment(place.url, await drawnPicture(201), 'the stop sign');
      assert.equal(next.status, 200);
      assert.equal(await place.hasResult(id), false);
      assert.equal(await place.hasResult((await bodyOf(next)).id), true);
      // A stage takes seconds on a busy machine; all sixteen queries take many of them.
      assert.ok(endedMs < 10_000, `ended after ${endedMs.toFixed(0)} ms`);
    });

    it('have events as the OpenAPI document describes them', async () => {
      const document = await bodyOf(await fetch(`${place.url}/openapi.json`));
      const { schema } = document.paths['/jobs/{id}/events'].get.responses['200'].content['text/event-stream'];
      const id = await postQueries(place.url, ['the stop sign'], 202);
      const stream = await (await fetch(`${place.url}/jobs/${id}/events`)).text();
      const events = stream.split('\n\n').flatMap((block) => {
        const fields = block.split('\n').map((line) => /^(event|id|data): (.*)$/.exec(line)?.slice(1) ?? []);
        const event = Object.fromEntries(fields.filter(([field]) => field !== undefined)) as Record<string, string>;
        return 'event' in event ? [event] : [];
      });
      assert.deepEqual([events.at(-2)?.event, events.at(-1)?.event], ['status', 'result']);
      for (const event of events) {
        assert.ok(Schema.Check(inlined(schema, document), event), JSON.stringify(event));
        const branch = inlined(schema, document).anyOf.find(
          ({ properties }: { properties: { event: { const: string } } }) => properties.event.const === event.event,
        );
        const data: unknown = JSON.parse(event.data ?? '');
        assert.ok(Schema.Check(branch.properties.data.contentSchema, data), event.data);
        assert.equal(Schema.Check(branch.properties.data.contentSchema, {}), false, 'the schema refuses something');
      }
    });
  });
}

/** The schema with the components that it refers to in place. */
function inlined(schema: unknown, document: { components: { schemas: Record<string, unknown> } }) {
  const text = JSON.stringify(schema, (_key, value: { $ref?: string } | null) => {
    const name = value?.$ref?.replace('#/components/schemas/', '');
    return name === undefined ? value : document.components.schemas[name];
  });
  return JSON.parse(text);
}

/** Sends a drawn picture with queries without waiting; gives the job's id. */
async function postQueries(url: string, queries: readonly string[], serial = 200): Promise<string> {
  const image = (await drawnPicture(serial)).toString('base64');
  const response = await fetch(`${url}/segment`, {
    method: 'POST',
    body: JSON.stringify({ image, queries }),
    headers: { 'content-type': 'application/json', prefer: 'respond-async' },
  });
  assert.equal(response.status, 202);
  return (await bodyOf(response)).id;
}
