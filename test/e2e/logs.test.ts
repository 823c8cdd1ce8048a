import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RedisConnection } from '@tessera/runtime/redis';
import { redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import type { RunningProcess } from '../support/process.js';
import { linkModels } from '../support/models.js';
import { bodyOf, drawnPicture, postSegment } from '../support/requests.js';
import { startGateway, startWorker, type HttpService } from '../support/services.js';

type Line = Readonly<Record<string, unknown>>;

const apiKey = 'an-api-key-that-nobody-may-read';
const webhookSecret = `whsec_${Buffer.from('a webhook secret nobody may read').toString('base64')}`;
const hookToken = 'token-in-the-path-of-a-hook';
const redisPassword = 'a-password-of-redis';
const mark = 'MARK-IN-THE-BYTES-OF-AN-IMAGE';

/** The mark as it would be seen in texts, in base64 at each of its three offsets, and in buffers that JSON lists. */
function tracesOf(bytes: Buffer): string[] {
  const encoded = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(4, -4),
  );
  return [bytes.toString('utf8'), bytes.toString('hex'), [...bytes].join(','), ...encoded];
}

/** A picture with the mark behind its end, where decoders do not look. */
async function markedPicture(serial: number): Promise<Buffer> {
  return Buffer.concat([await drawnPicture(serial), Buffer.from(mark.repeat(3))]);
}

describe('the log', { skip: redisSkipReason, timeout: 400_000 }, () => {
  let redis: RedisServer;
  let gateway: HttpService | undefined;
  let worker: RunningProcess | undefined;
  let text: string;
  let lines: Line[];
  /** Ids of requests, and of the jobs that two of them asked for. */
  const requests = ['succeeds', 'corrupt', 'stranger', 'no-room', 'no-json'];
  let jobs: string[];

  before(async () => {
    redis = await RedisServer.start();
    const { client } = await RedisConnection.open({
      url: redis.url,
      onError: () => undefined,
      operationTimeoutMs: 5_000,
    });
    await client.config('SET', 'requirepass', redisPassword);
    const environment = {
      REDIS_URL: redis.url.replace('//', `//:${redisPassword}@`),
      MODELS_DIR: linkModels('tessera-mini'),
      TESSERA_THREADS: '1',
      LOG_LEVEL: 'trace',
      TESSERA_WAIT_S: '60',
      API_KEYS: apiKey,
      TESSERA_WEBHOOK_SECRETS: webhookSecret,
      TESSERA_ALLOW_PRIVATE_WEBHOOKS: 'true',
      TESSERA_WEBHOOK_ATTEMPTS: '1',
    };
    gateway = await startGateway(environment);
    worker = await startWorker(environment);
    const { url } = gateway;
    const headersOf = (id: string, key = apiKey) => ({ 'x-request-id': id, authorization: `Bearer ${key}` });
    const webhook = { url: `http://127.0.0.1:9/${hookToken}` };

    // A coarse mask takes less time.
    const extras = { headers: headersOf('succeeds'), options: { webhook, refine: false } };
    const answer = await postSegment(url, await markedPicture(1), 'the stop sign', extras);
    assert.equal(answer.status, 200, await answer.clone().text());
    jobs = [(await bodyOf(answer)).id];

    const cut = Buffer.concat([(await drawnPicture(2)).subarray(0, 2_000), Buffer.from(mark.repeat(3))]);
    const corrupt = await postSegment(url, cut, 'the stop sign', { headers: headersOf('corrupt') });
    assert.ok(corrupt.status >= 400 && corrupt.status < 500, String(corrupt.status));

    const stranger = await fetch(`${url}/models?key=${apiKey}`, { headers: headersOf('stranger', `${apiKey}-not`) });
    assert.equal(stranger.status, 401);

    const noJson = await fetch(`${url}/segment`, {
      method: 'POST',
      headers: { ...headersOf('no-json'), 'content-type': 'application/json' },
      body: `${mark} ${apiKey}`,
    });
    assert.equal(noJson.status, 400);

    // A command that Redis refuses comes back as an error with its arguments: here with the image.
    await client.config('SET', 'maxmemory', '1');
    const noRoom = await postSegment(url, await markedPicture(3), 'the stop sign', { headers: headersOf('no-room') });
    assert.equal(noRoom.status, 503, await noRoom.clone().text());
    await client.config('SET', 'maxmemory', '0');
    // And here with the password.
    await client.config('SET', 'requirepass', 'another-one');
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await gateway.process.waitForOutput(/WRONGPASS/, 60_000);
    client.disconnect();
    for (const process of [gateway.process, worker]) await process.stop('SIGTERM');
    text = [gateway.process, worker].map((process) => process.output()).join('\n');
    lines = text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line);
  });

  after(async () => {
    for (const process of [gateway?.process, worker]) await process?.stop('SIGKILL');
    await redis.remove();
  });

  it('has every request, from its first line to its last, with its id', () => {
    for (const id of requests) {
      const messages = lines.filter(({ reqId }) => reqId === id).map(({ msg }) => msg);
      assert.equal(messages[0], 'incoming request', id);
      assert.ok(messages.includes('request completed'), `${id}: ${messages.join(', ')}`);
    }
    const about = lines.filter(({ req, res }) => req !== undefined || res !== undefined);
    assert.ok(about.length >= 2 * requests.length);
    for (const line of about) assert.equal(typeof line.reqId, 'string', JSON.stringify(line));
  });

  it('has a job, in the gateway and in the worker, with its id and that of its request', () => {
    for (const job of jobs) {
      const about = lines.filter((line) => line.job === job);
      for (const message of ['job queued', 'job succeeded', 'job ended', 'request completed']) {
        assert.ok(
          about.some(({ msg }) => msg === message),
          message,
        );
      }
      assert.ok(
        about.some(({ webhook }) => webhook === `end-${job}`),
        'its webhook',
      );
      for (const line of about) assert.equal(line.reqId, 'succeeds', JSON.stringify(line));
      for (const line of lines.filter((one) => JSON.stringify(one).includes(job))) assert.equal(line.job, job);
    }
    for (const line of lines.filter(({ msg }) => /^(job|webhook) /.test(String(msg)))) {
      assert.equal(typeof line.job, 'string', JSON.stringify(line));
    }
  });

  it('has neither bytes of images nor secrets', () => {
    assert.ok(lines.some(({ msg, reqId, err }) => reqId === 'no-room' && err !== undefined && msg !== undefined));
    const secrets = [apiKey, webhookSecret, webhookSecret.slice('whsec_'.length), hookToken, redisPassword];
    for (const secret of [...secrets, ...tracesOf(Buffer.from(mark))]) {
      const found = text.split('\n').find((line) => line.includes(secret));
      assert.equal(found, undefined, `${secret} is in a line`);
    }
  });
});
