import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { JobResponse } from '@tessera/client';
import { QueuePlace } from './queue-place.js';

const queued = (position: number): JobResponse => ({
  id: 'job',
  status: 'queued',
  position,
  created_at: '2026-11-30T12:00:00Z',
});

test('the place of a waiting job is looked up again until it runs', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const places: (number | undefined)[] = [];
  let ahead = 3;
  const place = new QueuePlace(
    () => Promise.resolve(queued(--ahead)),
    (own) => places.push(own),
  );
  place.take({ event: 'status', data: queued(ahead) });
  for (let look = 0; look < 2; look++) {
    mock.timers.tick(2_000);
    await new Promise(setImmediate);
  }
  assert.deepEqual(places, [3, 2, 1]);
  place.take({ event: 'progress', data: { stage: 'decode', fraction: 0.1 } });
  mock.timers.tick(10_000);
  await new Promise(setImmediate);
  assert.equal(places.length, 3);
  mock.timers.reset();
});
