import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { parseConfig } from '@tessera/contracts';
import { pino } from 'pino';
import { createGateway } from './app.js';
import { listen, requireFreePort } from './exposure.js';
import { TestStores } from './testing/test-gateway.js';

test('a port that another program has is named before the start', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const place = parseConfig({ HOST: '127.0.0.1', PORT: String(port) });
  await assert.rejects(requireFreePort(place), /^ConfigError: PORT \d+ of 127\.0\.0\.1 is taken by another program/);
  other.close();
  await once(other, 'close');
  await requireFreePort(place);
});

test('a gateway that is open to everyone says so in a frame at its start, and again when it is ready', async (context) => {
  const stores = await TestStores.open();
  const { trainings, webhooks } = stores;
  const queues = { queue: await stores.openQueue('exposure'), trainings, webhooks };
  const written: string[] = [];
  context.mock.method(process.stderr, 'write', (text: string) => written.push(text));
  const readyLineOf = async (settings: Record<string, string>) => {
    const config = parseConfig({ PORT: '0', ...settings });
    const gateway = await createGateway({ config, ...queues, blobs: stores.blobs, logger: pino({ level: 'silent' }) });
    const line = await listen(gateway, config);
    await gateway.close();
    return line;
  };
  const warning = /OPEN TO EVERYONE: .*0\.0\.0\.0.*API_KEYS/;
  assert.match(await readyLineOf({ HOST: '0.0.0.0' }), warning);
  assert.match(written.join(''), new RegExp(`!!!!\\n!! ${warning.source}.*\\n!! Set API_KEYS`));
  written.length = 0;
  for (const settings of [{ HOST: '127.0.0.1' }, { HOST: '0.0.0.0', API_KEYS: 'a-secret-key' }]) {
    assert.match(
      await readyLineOf(settings),
      /^\nTessera is ready: \S+ {3}\(open it in a browser; the API is described at \S+\/docs\)\n\n$/,
    );
  }
  assert.deepEqual(written, []);
  await stores.close();
});
