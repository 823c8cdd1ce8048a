import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisConnection } from '@tessera/runtime/redis';
import { redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import { Webhook } from 'standardwebhooks';
import { cleanUpAfter } from '../support/clean-up.js';
import { commandFor, commandSkipReason, commandsOf, inShell, linkCommandLine } from '../support/documents.js';
import { linkModels } from '../support/models.js';
import { drawnPicture, postSegment } from '../support/requests.js';
import { startEmbedded, startGateway, startWorker, type HttpService } from '../support/services.js';

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const settings = {
  MODELS_DIR: linkModels('tessera-baseline'),
  TESSERA_WEBHOOK_SECRETS: secret,
  TESSERA_ALLOW_PRIVATE_WEBHOOKS: 'true',
  TESSERA_WEBHOOK_RETRY_S: '1',
};

interface Message {
  readonly type: string;
  readonly data: { readonly id: string };
}

/** A receiver whose answers the test decides; `null` leaves a message without an answer. */
class Receiver {
  status: number | null = 204;
  readonly received: Message[] = [];
  /** The `webhook-id`s of all messages. */
  readonly ids = new Set<unknown>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        this.ids.add(request.headers['webhook-id']);
        this.received.push(verified(text, request.headers));
        if (this.status !== null) response.writeHead(this.status).end();
      });
    });
  }

  static async open(test: TestContext): Promise<Receiver> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    test.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return new Receiver(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async receives(count: number): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (this.received.length < count) {
      assert.ok(Date.now() < deadline, `${this.received.length} of ${count} messages in 30 s`);
      await delay(50);
    }
  }
}

function verified(text: string, headers: IncomingHttpHeaders): Message {
  return new Webhook(secret).verify(text, headers as Record<string, string>) as Message;
}

async function queueJob({ url }: HttpService, receiver: Receiver): Promise<string> {
  const webhook = { url: receiver.url };
  const extras = { headers: { prefer: 'respond-async' }, options: { webhook } };
  const response = await postSegment(url, await drawnPicture(), 'the stop sign', extras);
  assert.equal(response.status, 202, await response.clone().text());
  return ((await response.json()) as { id: string }).id;
}

async function sleepUntil(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, 'the condition was not met in a minute');
    await delay(50);
  }
}

describe('a gateway that is killed between the end of a job and its webhook', { timeout: 180_000 }, () => {
  it('leaves it to the next one, in a cluster', { skip: redisSkipReason }, async (test) => {
    const redis = await RedisServer.start();
    test.after(() => redis.remove());
    const receiver = await Receiver.open(test);
    const environment = { REDIS_URL: redis.url, TESSERA_THREADS: '1', ...settings };
    const victim = await startGateway(environment);
    test.after(() => victim.process.stop('SIGKILL'));
    const id = await queueJob(victim, receiver);
    // It can neither read the end of the job nor give up its turn.
    victim.process.child.kill('SIGSTOP');
    const worker = await startWorker(environment);
    test.after(() => worker.stop('SIGKILL'));
    const { client } = await RedisConnection.open({
      url: redis.url,
      onError: () => undefined,
      operationTimeoutMs: 5_000,
    });
    test.after(() => {
      client.disconnect();
    });
    await sleepUntil(async () => (await client.zscore('tessera:{tessera-jobs}:completed', `job-${id}`)) !== null);
    assert.equal(receiver.received.length, 0);
    await victim.process.stop('SIGKILL');

    const next = await startGateway(environment);
    test.after(() => next.process.stop('SIGKILL'));
    await receiver.receives(1);
    await delay(2_000);
    assert.deepEqual(
      receiver.received.map(({ type, data }) => [type, data.id]),
      [['job.succeeded', id]],
    );
  });

  it('sends it after a restart, in one process', async (test) => {
    const cleanUp = cleanUpAfter(test);
    const directory = await mkdtemp(join(tmpdir(), 'tessera-webhooks-'));
    cleanUp(() => rm(directory, { recursive: true, force: true }));
    const receiver = await Receiver.open(test);
    const environment = { DATA_DIR: directory, TESSERA_THREADS: '1', ...settings };
    const victim = await startEmbedded(environment);
    cleanUp(() => victim.process.stop('SIGKILL'));
    // The receiver gets the message, and the service dies before it answers.
    receiver.status = null;
    const id = await queueJob(victim, receiver);
    await receiver.receives(1);
    await victim.process.stop('SIGKILL');
    receiver.status = 204;

    const next = await startEmbedded(environment);
    cleanUp(() => next.process.stop('SIGKILL'));
    await receiver.receives(2);
    await delay(2_000);
    assert.deepEqual(
      receiver.received.map(({ type, data }) => [type, data.id]),
      [
        ['job.succeeded', id],
        ['job.succeeded', id],
      ],
    );
    assert.equal(receiver.ids.size, 1);
  });
});

describe('the guide to webhooks', { skip: commandSkipReason(['curl ']), timeout: 180_000 }, () => {
  it('has commands that send one again which no receiver took', async (test) => {
    const cleanUp = cleanUpAfter(test);
    const directory = await mkdtemp(join(tmpdir(), 'tessera-webhooks-'));
    cleanUp(() => rm(directory, { recursive: true, force: true }));
    const receiver = await Receiver.open(test);
    receiver.status = 500;
    const attempts = { TESSERA_WEBHOOK_ATTEMPTS: '1' };
    const service = await startEmbedded({ DATA_DIR: join(directory, 'data'), ...settings, ...attempts });
    cleanUp(() => service.process.stop('SIGKILL'));
    await writeFile(join(directory, 'photo.jpg'), await drawnPicture());
    const environment = { PATH: await linkCommandLine(directory), TESSERA_CLIENT_URL: service.url };
    const call = async (command: string) => (await inShell(command, directory, environment)).stdout;

    const commands = await commandsOf('docs/guides/webhooks.md');
    const found = new Set<string>();
    const find = (pattern: RegExp) => {
      const command = commands.find((one) => pattern.test(one)) ?? assert.fail(`there is no command ${pattern.source}`);
      found.add(command);
      return commandFor(service.url, command);
    };
    await call(find(/^curl .*prefer: respond-async/).replace(/https:[^"]+/, receiver.url));
    await call(find(/^tessera keys webhook-secret/).replace('webhook-secret annotators', 'create annotators'));
    await call(find(/^tessera keys webhook-secret/));
    await receiver.receives(1);
    const list = find(/^curl .*failed$/);
    await sleepUntil(async () => (await call(list)).includes('end-'));
    const { webhooks } = JSON.parse(await call(list)) as { webhooks: { id: string }[] };
    assert.equal(webhooks.length, 1);
    receiver.status = 204;
    await call(find(/^curl .*redeliver$/).replace(/end-[0-9a-f-]+/, webhooks[0]?.id ?? ''));
    await receiver.receives(2);
    assert.equal(receiver.ids.size, 1);
    await sleepUntil(async () => (await call(find(/^tessera webhooks failed/))) === 'There are none.\n');
    await call(find(/^tessera webhooks redeliver --all/));
    assert.deepEqual([...found].sort(), [...commands].sort(), 'every command was run');
  });
});
