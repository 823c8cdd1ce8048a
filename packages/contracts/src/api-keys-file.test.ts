import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isExpired, parseApiKeysFile } from './api-keys-file.js';
import { ConfigError } from './config.js';

const sha256 = 'a'.repeat(64);

test('a file of keys is read', () => {
  const keys = [
    { name: 'one', sha256 },
    { name: 'two', sha256: 'b'.repeat(64), expires_at: '2030-01-31', rate_limit: 60 },
  ];
  assert.deepEqual(parseApiKeysFile(JSON.stringify({ keys }), 'keys.json'), keys);
  assert.deepEqual(parseApiKeysFile('{"keys": []}', 'keys.json'), []);
});

const refused: [what: string, text: string, message: RegExp][] = [
  ['nothing', '', /^keys\.json is not JSON\.$/],
  ['half of a file', `{"keys": [{"name": "one", "sha256": "${sha256}"}`, /not JSON/],
  ['a list', '[]', /^keys\.json .*object/],
  ['no keys', '{}', /^keys\.json .*keys/],
  ['a plain key in place of a digest', '{"keys": [{"name": "one", "sha256": "tsr_secret"}]}', /\/keys\/0\/sha256/],
  ['a field that is not known', `{"keys": [{"name": "one", "sha256": "${sha256}", "expires": 1}]}`, /\/keys\/0/],
  ['a name that would break a log', `{"keys": [{"name": "a b", "sha256": "${sha256}"}]}`, /\/keys\/0\/name/],
  ['a limit of nothing', `{"keys": [{"name": "a", "sha256": "${sha256}", "rate_limit": 0}]}`, /\/keys\/0\/rate_limit/],
  [
    'a date without a zone',
    `{"keys": [{"name": "a", "sha256": "${sha256}", "expires_at": "2030-01-01T10:00"}]}`,
    /expires/,
  ],
  [
    'no date',
    `{"keys": [{"name": "a", "sha256": "${sha256}", "expires_at": "2030-99-01"}]}`,
    /expires_at is not a date/,
  ],
  [
    'a name twice',
    JSON.stringify({ keys: [sha256, 'b'.repeat(64)].map((digest) => ({ name: 'one', sha256: digest })) }),
    /two keys with the name one/,
  ],
  [
    'a key twice',
    JSON.stringify({ keys: ['one', 'two'].map((name) => ({ name, sha256 })) }),
    /has the digest of two twice/,
  ],
];
for (const [what, text, message] of refused) {
  test(`a file with ${what} is refused, and the message does not repeat it`, () => {
    assert.throws(
      () => parseApiKeysFile(text, 'keys.json'),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  });
}

test('a key expires at its time, a date at its beginning in UTC', () => {
  const at = Date.parse('2030-01-31T00:00:00Z');
  assert.equal(isExpired(undefined, at), false);
  assert.equal(isExpired('2030-01-31', at - 1), false);
  assert.equal(isExpired('2030-01-31', at), true);
  assert.equal(isExpired('2030-01-31T01:00:00+01:00', at), true);
  assert.equal(isExpired('2030-01-31T00:00:01Z', at), false);
});
