import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { FailedWebhook } from '@tessera/contracts';
import { problemOf, sendJson, sendProblem, TestService } from '@tessera/runtime/test-service';
import { tessera } from '../test-command.js';

const failed: FailedWebhook = {
  id: 'end-1',
  job: '1',
  type: 'job.failed',
  url: 'https://hooks.example.org/',
  created_at: '2030-01-31T12:00:00.000Z',
  failed_at: '2030-01-31T14:00:00.000Z',
  error: 'The webhook was not accepted: the receiver answered 503.',
};

let service: TestService;
let kept: FailedWebhook[] = [];

beforeEach(async () => {
  kept = [failed, { ...failed, id: 'end-2' }];
  service = await TestService.start(({ path }, response) => {
    if (path === '/webhooks/failed') {
      sendJson(response, 200, { webhooks: kept });
      return;
    }
    const id = path.split('/')[3];
    if (kept.some((webhook) => webhook.id === id)) response.writeHead(202).end();
    else sendProblem(response, problemOf('TSR_WEBHOOK_NOT_FOUND', 404, 'No failed webhook is kept under this id.'));
  });
});

afterEach(() => service.close());

const webhooks = (...words: string[]) => tessera(['webhooks', ...words, '--url', service.url]);
const redelivered = () => service.requests.filter(({ method }) => method === 'POST').map(({ path }) => path);

describe('the commands for failed webhooks', () => {
  it('list them, as a table or JSON', async () => {
    const { code, output } = await webhooks('failed');
    assert.equal(code, 0);
    assert.match(
      output,
      /^Id +Type +Failed at +URL +Why\n[- ]+\nend-1 +job\.failed +2030-01-31T14:00:00\.000Z +https:.*503\.\n/,
    );
    assert.deepEqual(JSON.parse((await webhooks('failed', '--json')).output), kept);
    kept = [];
    assert.equal((await webhooks('failed')).output, 'There are none.\n');
  });

  it('send one again, or all', async () => {
    assert.deepEqual(await webhooks('redeliver', 'end-2'), {
      code: 0,
      output: '',
      errors: '1 webhook is sent again\n',
    });
    assert.equal((await webhooks('redeliver', '--all')).errors, '2 webhooks are sent again\n');
    const [one, two] = kept.map(({ id }) => `/webhooks/failed/${id}/redeliver`);
    assert.deepEqual(redelivered(), [two, one, two]);
  });

  it('refuse ids that nobody knows, and calls without an id', async () => {
    const unknown = await webhooks('redeliver', 'end-9');
    assert.equal(unknown.code, 1);
    assert.match(unknown.errors, /No failed webhook is kept under this id/);
    for (const words of [[], ['--all', 'end-1']]) assert.equal((await webhooks('redeliver', ...words)).code, 2);
    assert.equal(redelivered().length, 1);
  });
});
