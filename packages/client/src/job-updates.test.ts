import assert from 'node:assert/strict';
import { ReadableStream } from 'node:stream/web';
import { describe, it } from 'node:test';
import type { ProblemDetails } from '@tessera/contracts';
import fc from 'fast-check';
import { jobUpdates, type JobUpdate, type JobUpdatesOptions } from './job-updates.js';
import { ConnectionError, ServiceError } from './service-error.js';

/** What a connection brings: the chunks of its text, and then its failure if there is one; or a failure at once. */
type Connection = readonly (string | Error)[] | Error | null;

/** A service that answers one connection after the other, the last one again and again; notes the ids it is asked from. */
function serviceOf(...connections: Connection[]) {
  const ids: string[] = [];
  const connect = (lastId: string): Promise<AsyncIterable<string> | null> => {
    const connection = connections[Math.min(ids.length, connections.length - 1)] ?? null;
    ids.push(lastId);
    if (connection instanceof Error) return Promise.reject(connection);
    return Promise.resolve(connection === null ? null : ReadableStream.from(chunksOf(connection)));
  };
  return { ids, connect };
}

function* chunksOf(connection: readonly (string | Error)[]) {
  for (const chunk of connection) {
    if (chunk instanceof Error) throw chunk;
    yield chunk;
  }
}

async function told(
  { connect }: Pick<ReturnType<typeof serviceOf>, 'connect'>,
  options: JobUpdatesOptions = {},
): Promise<JobUpdate[]> {
  const updates: JobUpdate[] = [];
  for await (const update of jobUpdates(connect, { reconnectMs: 1, ...options })) updates.push(update);
  return updates;
}

function text(event: string, id: number, data: unknown): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

const progress = (id: number) => text('progress', id, { stage: 'epochs', fraction: id / 10 });
const result = text('result', 9, { answer: 42 });
const problem: ProblemDetails = {
  type: '/errors#TSR_JOB_NOT_FOUND',
  title: 'There is no such job',
  status: 404,
  code: 'TSR_JOB_NOT_FOUND',
  detail: 'No job is kept under this id.',
};
/** As `fetch` says it when a body ends early. */
const terminated = new TypeError('terminated');

describe('the updates of a job', () => {
  it('end with its result, and nothing is read on', async () => {
    const service = serviceOf([': heartbeat\n\n', progress(1), result, new Error('the stream was read on')]);
    assert.deepEqual(await told(service), [
      { event: 'progress', data: { stage: 'epochs', fraction: 0.1 } },
      { event: 'result', data: { answer: 42 } },
    ]);
    assert.deepEqual(service.ids, ['']);
  });

  it('end with its error', async () => {
    const service = serviceOf([text('error', 9, problem)]);
    assert.deepEqual(await told(service), [{ event: 'error', data: problem }]);
    assert.equal(service.ids.length, 1);
  });

  it('end where the service has nothing left to tell', async () => {
    const service = serviceOf([progress(9)], null);
    assert.equal((await told(service)).length, 1);
    assert.deepEqual(service.ids, ['', '9']);
  });

  it('go on from the last event after a connection that is lost, ends early or cannot be opened', async () => {
    const service = serviceOf(
      [progress(1), progress(2).slice(0, -1), terminated],
      new ConnectionError('cannot be reached'),
      [progress(2)],
      [],
      [progress(3), result],
    );
    const fractions = (await told(service)).map((update) => (update.event === 'progress' ? update.data.fraction : 1));
    assert.deepEqual(fractions, [0.1, 0.2, 0.3, 1]);
    assert.deepEqual(service.ids, ['', '1', '1', '2', '2']);
  });

  it('are each told once, wherever connections break', async () => {
    const all = [...Array.from({ length: 5 }, (_, index) => progress(index + 1)), result];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 6 }), async (lengths) => {
        const left = [...lengths];
        const connect = (lastId: string) => {
          const rest = all.slice(Number(lastId)).join('');
          const length = left.shift() ?? rest.length;
          return Promise.resolve(ReadableStream.from(chunksOf([rest.slice(0, length), terminated])));
        };
        assert.deepEqual(await told({ connect }), await told(serviceOf(all)));
      }),
      { numRuns: 50 },
    );
  });

  it('wait before they connect again', async () => {
    const startedAt = performance.now();
    await told(serviceOf([progress(1)], [result]), { reconnectMs: 150 });
    assert.ok(performance.now() - startedAt > 140);
  });

  it('fail when the service refuses: it is not asked again', async () => {
    const service = serviceOf(new ServiceError(problem));
    await assert.rejects(told(service), (error) => error instanceof ServiceError && error.code === problem.code);
    assert.equal(service.ids.length, 1);
  });

  it('fail when the events are none of a job', async () => {
    const service = serviceOf(['data: <html>\n\n']);
    await assert.rejects(told(service), SyntaxError);
    assert.equal(service.ids.length, 1);
  });

  it('fail when the service stays away; a sign of life counts', async () => {
    const away = serviceOf(new ConnectionError('cannot be reached'));
    await assert.rejects(told(away), /lost and does not come back/);
    const silences = Array.from({ length: away.ids.length - 1 }, () => [] as const);
    const hesitant = serviceOf(...silences, [progress(1)], ...silences.slice(1), [result]);
    assert.equal((await told(hesitant)).length, 2);
  });

  it('end at once when they are told to, while they listen and while they wait', async () => {
    const reason = new Error('enough');
    const listening = new AbortController();
    const silent = () => {
      setImmediate(() => {
        listening.abort(reason);
      });
      return Promise.resolve(
        new ReadableStream<string>({
          start(controller) {
            listening.signal.addEventListener('abort', () => {
              controller.error(reason);
            });
          },
        }),
      );
    };
    await assert.rejects(told({ connect: silent }, { signal: listening.signal }), reason);

    const waiting = serviceOf([progress(1)]);
    const options = { signal: AbortSignal.timeout(50), reconnectMs: 60_000 };
    await assert.rejects(told(waiting, options), { name: 'TimeoutError' });
    assert.equal(waiting.ids.length, 1);
  });
});
