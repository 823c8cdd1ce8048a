import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { redisSkipReason } from '@tessera/runtime/testing';
import { scenarios } from './scenarios.js';
import { readSettings } from './settings.js';

/** A minute's worth of what `npm run test:chaos` does at length. */
const shortForm = {
  CHAOS_SEED: '7',
  CHAOS_JOBS: '200',
  CHAOS_CLIENTS: '32',
  CHAOS_JOBS_PER_FAULT: '25',
  CHAOS_OUTAGE_MS: '4000',
  CHAOS_CROWD: '150',
};

describe('a cluster in trouble', { skip: redisSkipReason, timeout: 900_000 }, () => {
  const settings = readSettings([], { ...shortForm, ...process.env });
  const cases = {
    'answers every accepted job once while processes are killed and Redis fails': scenarios.jobs,
    'keeps its limit, and answers 200, 202 or 429, when a crowd comes at once': scenarios.crowd,
    'gives up on an image that ends the inference process, and answers the others': scenarios.poison,
  };
  for (const [name, scenario] of Object.entries(cases)) {
    it(name, async (test) => {
      const { failures, figures } = await scenario(settings, (line) => {
        test.diagnostic(line);
      });
      test.diagnostic(JSON.stringify(figures));
      assert.deepEqual(failures, []);
    });
  }
});
