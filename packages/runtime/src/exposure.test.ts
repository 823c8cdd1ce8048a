import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '@tessera/contracts';
import { exposureWarning, isLoopback } from './exposure.js';

const risk = 'read it, without a key';

for (const host of ['127.0.0.1', '127.1.2.3', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost']) {
  test(`${host} is this machine alone`, async () => {
    assert.equal(await isLoopback(host), true);
    assert.equal(await exposureWarning(parseConfig({ HOST: host }), risk), undefined);
  });
}

for (const host of [
  '0.0.0.0',
  '::',
  '192.168.1.7',
  '10.0.0.1',
  'fe80::1',
  '::ffff:10.0.0.1',
  '128.0.0.1',
  'nowhere.invalid',
]) {
  test(`${host} is more than this machine`, async () => {
    assert.equal(await isLoopback(host), false);
    assert.match(
      (await exposureWarning(parseConfig({ HOST: host }), risk)) ?? '',
      /^OPEN TO EVERYONE: anyone who reaches .* can read it, without a key\.$/,
    );
    for (const settings of [{ API_KEYS: 'a-secret-key' }, { API_KEYS_FILE: 'keys.json' }]) {
      assert.equal(await exposureWarning(parseConfig({ HOST: host, ...settings }), risk), undefined);
    }
  });
}
