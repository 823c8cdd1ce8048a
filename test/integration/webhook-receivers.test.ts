import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@tessera/runtime/process';
import { Webhook } from 'standardwebhooks';
import { blocksOf } from '../support/documents.js';
import { startProcess } from '../support/process.js';
import { pythonSkipReason } from '../support/python.js';
import { repositoryRoot } from '../support/repository-copy.js';

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const nextSecret = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const body = JSON.stringify({ type: 'job.succeeded', timestamp: '2030-01-31T12:00:02.000Z', data: { id: 'a-job ä' } });
const startTimeoutMs = 30_000;

const receivers = [
  { language: 'js', program: 'node', file: 'receiver.mjs', skip: false as const },
  { language: 'python', program: 'python3', file: 'receiver.py', skip: pythonSkipReason },
];

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-receivers-'));
  await symlink(join(repositoryRoot, 'node_modules'), join(directory, 'node_modules'));
});

after(() => rm(directory, { recursive: true }));

for (const { language, program, file, skip } of receivers) {
  describe(`the receiver of the guide (${language})`, { skip, timeout: 60_000 }, () => {
    it('takes what the service has signed, once, and nothing else', async (test) => {
      const [code, ...others] = await blocksOf('docs/guides/webhooks.md', language);
      assert.ok(code !== undefined && others.length === 0);
      await writeFile(join(directory, file), code);
      const port = await freePort();
      const environment = { WEBHOOK_SECRET: secret, PORT: String(port) };
      const receiver = startProcess(program, [join(directory, file)], environment);
      test.after(() => receiver.stop('SIGKILL'));
      await receiver.waitForOutput(/listening/, startTimeoutMs);

      const statusOf = async (signature: string, sentAt = new Date(), sent = body) => {
        const headers = {
          'content-type': 'application/json',
          'webhook-id': 'end-a-job',
          'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
          'webhook-signature': signature,
        };
        return (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: sent, headers })).status;
      };
      const now = new Date();
      const good = new Webhook(secret).sign('end-a-job', now, body);
      const foreign = new Webhook(nextSecret).sign('end-a-job', now, body);
      assert.equal(await statusOf(good, now), 204);
      assert.equal(await statusOf(`${foreign} ${good}`, now), 204, 'while the secret changes');
      assert.equal(await statusOf(foreign, now), 400);
      assert.equal(await statusOf(good, now, body.replace('succeeded', 'failed')), 400);
      assert.equal(await statusOf('', now), 400);
      const old = new Date(now.getTime() - 3_600_000);
      assert.equal(await statusOf(new Webhook(secret).sign('end-a-job', old, body), old), 400);
      assert.equal(receiver.output().match(/job\.succeeded a-job/g)?.length, 1);
    });
  });
}
