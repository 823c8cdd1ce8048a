import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '@tessera/contracts';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { serveMetrics } from './serve-metrics.js';

test('a metrics port that others reach is warned about in a frame', async (context) => {
  const written: string[] = [];
  const framesOf = async (settings: Record<string, string>) => {
    written.length = 0;
    const mock = context.mock.method(process.stderr, 'write', (text: string) => written.push(text));
    const config = parseConfig({ TESSERA_METRICS_PORT: '0', ...settings });
    const server = await serveMetrics(config, new Registry(), pino({ level: 'silent' }));
    mock.mock.restore();
    await server.close();
    return written.join('');
  };
  assert.match(
    await framesOf({ HOST: '0.0.0.0' }),
    /!!!!\n!! OPEN TO EVERYONE: anyone who reaches 0\.0\.0\.0 can read the metrics of this worker, .*\n!! Let nothing/,
  );
  for (const settings of [{ HOST: '127.0.0.1' }, { HOST: '0.0.0.0', API_KEYS: 'a-secret-key' }]) {
    assert.equal(await framesOf(settings), '');
  }
});
