import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseApiKeysFile } from '@tessera/contracts';
import { tessera } from '../test-command.js';

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-keys-'));
});

after(() => rm(directory, { recursive: true }));

async function keysIn(file: string) {
  return parseApiKeysFile(await readFile(file, 'utf8'), file);
}

describe('tessera keys', () => {
  it('prints a key once, keeps its digest, lists it and revokes it', async () => {
    const file = join(directory, 'keys.json');
    const created = await tessera(['keys', 'create', 'annotators', '--file', file]);
    assert.equal(created.code, 0, created.errors);
    assert.match(created.output, /^tsr_[\w-]{43}\n$/);
    const key = created.output.trim();
    assert.doesNotMatch(created.errors, new RegExp(key));
    const text = await readFile(file, 'utf8');
    assert.ok(!text.includes(key));
    const [entry] = await keysIn(file);
    assert.equal(entry?.sha256, createHash('sha256').update(key).digest('hex'));
    assert.equal((await stat(file)).mode & 0o777, 0o600);

    const more = ['keys', 'create', 'trial', '--expires', '30d', '--rate-limit', '60'];
    const second = await tessera(more, { API_KEYS_FILE: file });
    assert.equal(second.code, 0, second.errors);
    assert.notEqual(second.output, created.output);
    const listed = await tessera(['keys', 'list', '--file', file]);
    assert.match(listed.output, /^annotators +\d{4}-\d\d-\d\d +never +accepted$/m);
    assert.match(listed.output, /^trial +\d{4}-\d\d-\d\d +\d{4}-\d\d-\d\dT\d\d:\d\d +60 +accepted$/m);
    const { output } = await tessera(['keys', 'list', '--json', '--file', file]);
    assert.deepEqual(
      (JSON.parse(output) as { name: string; rate_limit?: number; sha256?: string }[]).map((shown) => [
        shown.name,
        shown.rate_limit,
        shown.sha256,
      ]),
      [
        ['annotators', undefined, undefined],
        ['trial', 60, undefined],
      ],
    );

    assert.equal((await tessera(['keys', 'revoke', 'annotators', '--file', file])).code, 0);
    assert.deepEqual(
      (await keysIn(file)).map(({ name }) => name),
      ['trial'],
    );
    assert.deepEqual(await readdir(directory), ['keys.json']);
  });

  it('makes the directory of a file of keys, and says where it cannot', async () => {
    const place = await mkdtemp(join(directory, 'place-'));
    const file = join(place, 'more/keys.json');
    assert.equal((await tessera(['keys', 'create', 'annotators', '--file', file])).code, 0);
    assert.equal((await keysIn(file)).length, 1);
    const { code, errors } = await tessera(['keys', 'create', 'trial', '--file', join(file, 'below/keys.json')]);
    assert.deepEqual([code, errors.includes('cannot be written: ENOTDIR')], [1, true], errors);
    await rm(place, { recursive: true });
  });

  it('refuses a name that is taken, one that is not there, and a file that is broken, and changes nothing', async () => {
    const file = join(directory, 'refused.json');
    await tessera(['keys', 'create', 'one', '--file', file]);
    const text = await readFile(file, 'utf8');
    const taken = await tessera(['keys', 'create', 'one', '--file', file]);
    assert.deepEqual([taken.code, taken.output], [1, '']);
    assert.match(taken.errors, /There is a key with the name one/);
    const unknown = await tessera(['keys', 'revoke', 'two', '--file', file]);
    assert.equal(unknown.code, 1);
    assert.equal(await readFile(file, 'utf8'), text);

    const broken = join(directory, 'broken.json');
    await writeFile(broken, '{"keys": [');
    for (const words of [['create', 'x'], ['list'], ['revoke', 'x']]) {
      const { code, errors } = await tessera(['keys', ...words, '--file', broken]);
      assert.equal(code, 1);
      assert.match(errors, /broken\.json is not JSON/);
    }
    assert.equal(await readFile(broken, 'utf8'), '{"keys": [');
    const missing = await tessera(['keys', 'revoke', 'x', '--file', join(directory, 'missing.json')]);
    assert.match(missing.errors, /cannot be read: ENOENT/);
    assert.ok(!(await readdir(directory)).some((name) => name.endsWith('.new') || name === 'missing.json'));
  });

  it('keeps the link and the access of a file', async () => {
    const file = join(directory, 'linked.json');
    const link = join(directory, 'link.json');
    await tessera(['keys', 'create', 'one', '--file', file]);
    await chmod(file, 0o640);
    await symlink(file, link);
    assert.equal((await tessera(['keys', 'create', 'two', '--file', link])).code, 0);
    assert.equal((await keysIn(file)).length, 2);
    assert.equal((await stat(file)).mode & 0o777, 0o640);
  });

  it('does not lose a key when two are made at the same time', async () => {
    const file = join(directory, 'both.json');
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, index) => tessera(['keys', 'create', `key-${index}`, '--file', file])),
    );
    const done = made.filter(({ code }) => code === 0);
    for (const { errors } of made.filter(({ code }) => code !== 0)) assert.match(errors, /Another command/);
    assert.equal((await keysIn(file)).length, done.length);
    assert.ok(done.length > 0);
  });

  const wrong: [words: string[], errors: RegExp][] = [
    [['create', 'x'], /^Give the file of keys/],
    [['create', 'two words', '--file', 'x'], /^A name has/],
    [['create', '../x', '--file', 'x'], /^A name has/],
    [['create', 'x', '--file', 'x', '--expires', 'soon'], /^--expires is/],
    [['create', 'x', '--file', 'x', '--expires', '2001-01-01'], /^--expires is/],
    [['create', 'x', '--file', 'x', '--rate-limit', '0'], /^--rate-limit is a whole number from 1/],
  ];
  for (const [words, expected] of wrong) {
    it(`ends with 2 and says what to change: ${words.join(' ')}`, async () => {
      const { code, output, errors } = await tessera(['keys', ...words]);
      assert.match(errors, expected);
      assert.deepEqual([code, output], [2, '']);
    });
  }

  it('makes webhook secrets for a key: the one before still signs, unless it is ended', async () => {
    const file = join(directory, 'webhooks.json');
    await tessera(['keys', 'create', 'annotators', '--file', file]);
    const make = async (...more: string[]) => {
      const made = await tessera(['keys', 'webhook-secret', 'annotators', '--file', file, ...more]);
      assert.equal(made.code, 0, made.errors);
      assert.match(made.output, /^whsec_[A-Za-z0-9+/]{43}=\n$/);
      return made.output.trim();
    };
    const secretsIn = async () => (await keysIn(file))[0]?.webhook_secrets;
    const first = await make();
    assert.deepEqual(await secretsIn(), [first]);
    const second = await make();
    assert.deepEqual(await secretsIn(), [second, first]);
    const third = await make();
    assert.deepEqual(await secretsIn(), [third, second]);
    const only = await make('--only');
    assert.deepEqual(await secretsIn(), [only]);
    const { output } = await tessera(['keys', 'list', '--json', '--file', file]);
    assert.doesNotMatch(output, /whsec_/);
    const unknown = await tessera(['keys', 'webhook-secret', 'nobody', '--file', file]);
    assert.equal(unknown.code, 1);
    await chmod(file, 0o644);
    const readable = await tessera(['keys', 'webhook-secret', 'annotators', '--file', file]);
    assert.match(readable.errors, /chmod 600/);
  });
});
