import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { browserSkipReason } from '../support/browser.js';
import { Pages } from '../support/pages.js';
import { testClient } from './pages/client.js';
import { testCompositions } from './pages/compositions.js';
import { testIntake } from './pages/intake.js';
import { testMasks } from './pages/masks.js';
import { testSnippets } from './pages/snippets.js';
import { testSwagger } from './pages/swagger.js';
import { testTokens } from './pages/tokens.js';

describe('the pages', { skip: browserSkipReason, timeout: 300_000 }, () => {
  let running: Pages | undefined;
  const pages = () => running ?? assert.fail('the service has not started');

  before(async () => {
    running = await Pages.start();
  });

  after(() => running?.stop());

  describe('the playground', () => {
    testIntake(pages);
    testMasks(pages);
    testTokens(pages);
    testCompositions(pages);
    testSnippets(pages);
  });

  describe('@tessera/client, installed by a stranger', () => {
    testClient(pages);
  });

  describe('Swagger UI', () => {
    testSwagger(pages);
  });
});
