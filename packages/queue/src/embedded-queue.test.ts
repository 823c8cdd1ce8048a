import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedDatabase } from './embedded-database.js';
import { createJobQueue, type QueueConnection } from './create-job-queue.js';
import { QueueProcess, temporaryDirectory, until, type TestJob } from './test-fixtures.js';

/** A database that has been started once, copied for each test: creating one takes seconds. */
let template: Awaited<ReturnType<typeof temporaryDirectory>>;

before(async () => {
  template = await temporaryDirectory();
  await (await open({ kind: 'embedded', directory: template.directory })).close();
});

after(() => template.remove());

async function connectionFor(test: TestContext): Promise<QueueConnection & { kind: 'embedded' }> {
  const { directory, remove } = await temporaryDirectory();
  test.after(remove);
  await cp(template.directory, directory, { recursive: true });
  return { kind: 'embedded', directory };
}

function start(test: TestContext, connection: QueueConnection, script: string): QueueProcess {
  const child = new QueueProcess(
    connection,
    `const queue = await createJobQueue({ name: 'jobs', connection, onError: console.error, maxWorkerDeaths: 1 });
     ${script}`,
  );
  test.after(() => child.kill());
  return child;
}

const open = (connection: QueueConnection) =>
  createJobQueue<TestJob>({ name: 'jobs', connection, onError: assert.ifError, maxWorkerDeaths: 1 });

describe('an embedded queue', { timeout: 120_000 }, () => {
  it('answers every job that was accepted before the process was killed', async (test) => {
    const connection = await connectionFor(test);
    const child = start(
      test,
      connection,
      `queue.process((job) => job.id === 'job-3' ? new Promise(() => {}) : Promise.resolve(job.data.label), { concurrency: 1 });
       for (let index = 0; ; index++) {
         await queue.add({ label: 'result ' + index }, { id: 'job-' + index, priority: 'normal' });
         console.log('job-' + index);
       }`,
    );
    await until(() => child.lines.length >= 30, 30_000);
    await child.kill();
    const accepted = [...child.lines];

    const queue = await open(connection);
    const reopenedAt = performance.now();
    queue.process((job) => Promise.resolve(job.data.label), { concurrency: 4 });
    const interrupted = await queue.waitFor('job-3', { timeoutMs: 10_000 });
    assert.equal(interrupted?.status, 'succeeded');
    assert.ok(performance.now() - reopenedAt < 4_000, 'a job of a dead process has to run at once');
    for (const [index, id] of accepted.entries()) {
      const done = await queue.waitFor(id, { timeoutMs: 10_000 });
      assert.equal(done?.resultKey, `result ${index}`, id);
    }
    await queue.close();
  });

  it('gives up on a job that kills its process each time', async (test) => {
    const connection = await connectionFor(test);
    const script = `
      queue.process((job) => job.id === 'poison' ? process.kill(process.pid, 'SIGKILL') : Promise.resolve('done'), { concurrency: 1 });
      await queue.add({ label: 'x' }, { id: 'poison', priority: 'normal' });
      console.log('added');`;
    for (let death = 0; death < 2; death++) {
      const child = start(test, connection, script);
      await until(() => child.hasExited, 30_000);
    }
    const queue = await open(connection);
    let runs = 0;
    queue.process(() => Promise.resolve(String(++runs)), { concurrency: 1 });
    const failed = await queue.waitFor('poison', { timeoutMs: 10_000 });
    assert.equal(failed?.status, 'failed');
    assert.equal(failed.error?.code, 'TSR_INFERENCE_FAILED');
    assert.match(failed.error.detail, /worker died/);
    assert.equal(runs, 0);
    await queue.close();
  });

  it('remembers after a restart which jobs were cancelled, and does not run one that was about to be', async (test) => {
    const connection = await connectionFor(test);
    const queue = await open(connection);
    await queue.add({ label: 'x' }, { id: 'unwanted', priority: 'normal' });
    assert.equal(await queue.cancel('unwanted'), 'cancelled');
    await queue.add({ label: 'x' }, { id: 'interrupted', priority: 'normal' });
    await queue.close();
    // What is left when the process dies between remembering that a job is cancelled and taking it out.
    const database = await EmbeddedDatabase.open(connection.directory);
    const { rowCount } = await database.pool.query(
      "INSERT INTO tessera.withdrawal SELECT queue, 'interrupted', record, expires_at_ms FROM tessera.withdrawal",
      [],
    );
    assert.equal(rowCount, 1);
    await database.close();

    const again = await open(connection);
    assert.equal((await again.get('unwanted'))?.status, 'cancelled');
    const started: string[] = [];
    again.process((job) => Promise.resolve(String(started.push(job.id))), { concurrency: 1 });
    assert.equal((await again.waitFor('interrupted', { timeoutMs: 5_000 }))?.status, 'cancelled');
    assert.deepEqual(started, []);
    await again.close();
  });

  it('names the process that has the directory', async (test) => {
    const connection = await connectionFor(test);
    const child = start(test, connection, `console.log('open'); setInterval(() => {}, 1000);`);
    await child.printed('open');
    await assert.rejects(open(connection), new RegExp(`in use by process ${child.pid} `));
    await child.kill();
    await (await open(connection)).close();
  });

  it('starts over when the first start was cut short, and only then', async (test) => {
    const connection = await connectionFor(test);
    await rm(join(connection.directory, 'initialised'));
    await rm(join(connection.directory, 'postgres', 'global'), { recursive: true });
    const queue = await open(connection);
    await queue.add({ label: 'x' }, { id: 'kept', priority: 'normal' });
    await queue.close();
    const again = await open(connection);
    assert.equal((await again.get('kept'))?.status, 'queued');
    await again.close();
  });

  it('stays small however many jobs pass through it', async (test) => {
    const { directory } = await connectionFor(test);
    const database = await EmbeddedDatabase.open(directory);
    const sizeBytes = async () => {
      const { rows } = await database.pool.query<{ size: number }>(
        "SELECT pg_total_relation_size('tessera.withdrawal')::int AS size",
        [],
      );
      return rows[0]?.size ?? assert.fail();
    };
    let filledBytes = 0;
    for (let round = 0; round < 4; round++) {
      await database.pool.query(
        `INSERT INTO tessera.withdrawal
         SELECT 'jobs', $1 || '-' || number, '{}', CASE WHEN number = 1 THEN 4e12 ELSE 0 END
           FROM generate_series(1, 5000) AS number`,
        [String(round)],
      );
      if (round === 0) filledBytes = await sizeBytes();
      await database.maintain();
    }
    // Twice, not four times: index pages are free again only one round later.
    assert.ok((await sizeBytes()) <= 2 * filledBytes, `${await sizeBytes()} bytes after four rounds`);
    const { rows } = await database.pool.query('SELECT id FROM tessera.withdrawal ORDER BY id', []);
    assert.deepEqual(rows, [{ id: '0-1' }, { id: '1-1' }, { id: '2-1' }, { id: '3-1' }]);
    await database.close();
  });

  it('can be opened several times in one process, for as long as one of them is open', async (test) => {
    const connection = await connectionFor(test);
    const [first, second] = await Promise.all([open(connection), open(connection)]);
    const other = await createJobQueue<TestJob>({ name: 'other', connection, onError: assert.ifError });
    await first.add({ label: 'x' }, { id: 'shared', priority: 'normal' });
    await first.close();
    assert.equal((await second.get('shared'))?.status, 'queued');
    assert.equal(await other.get('shared'), null);
    await second.close();
    await other.add({ label: 'x' }, { id: 'own', priority: 'normal' });
    await delay(10);
    assert.deepEqual(await other.counts(), { queued: 1, running: 0 });
    await other.close();
    const reopened = await open(connection);
    assert.equal((await reopened.get('shared'))?.status, 'queued');
    await reopened.close();
  });
});
