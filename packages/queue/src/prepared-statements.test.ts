import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { PreparedStatements } from './prepared-statements.js';

describe('PreparedStatements', async () => {
  const database = await PGlite.create();
  await database.exec('CREATE TABLE item (id bigint PRIMARY KEY, data jsonb, tags text[], done boolean)');
  const statements = new PreparedStatements(database);
  after(() => database.close());

  it('gives what PGlite itself gives, for the first run and for later ones', async () => {
    const insert = 'INSERT INTO item VALUES ($1, $2, $3, $4)';
    for (const parameters of [
      [1, { name: 'Größe "1"' }, ['a', 'b,c'], true],
      ['2', null, [], false],
    ]) {
      assert.equal((await statements.query(insert, parameters)).affectedRows, 1);
    }
    const select = 'SELECT *, id + $1 AS sum FROM item WHERE done = $2 OR $2 IS NULL ORDER BY id';
    for (const parameters of [
      [1, true],
      [2, null],
      [3, false],
    ]) {
      const { rows } = await statements.query(select, parameters);
      assert.deepEqual(rows, (await database.query(select, parameters)).rows);
      assert.equal(rows.length, parameters[1] === null ? 2 : 1);
    }
  });

  it('goes on after a statement that fails, with the code of PostgreSQL', async () => {
    const insert = 'INSERT INTO item (id) VALUES ($1)';
    await assert.rejects(statements.query(insert, [1]), { code: '23505' });
    await assert.rejects(statements.query('SELECT nothing FROM item WHERE id = $1', [1]), { code: '42703' });
    assert.equal((await statements.query(insert, [10])).affectedRows, 1);
  });

  it('runs statements of one moment one after the other', async () => {
    const texts = Array.from({ length: 120 }, (_, index) => `SELECT ${index} + $1::int AS sum`);
    const results = await Promise.all(texts.map((text) => statements.query(text, [1])));
    assert.deepEqual(
      results.map(({ rows }) => rows),
      texts.map((_, index) => [{ sum: index + 1 }]),
    );
  });

  it('delivers notifications', async () => {
    const payloads: string[] = [];
    await database.listen('channel', (payload) => payloads.push(payload));
    await statements.query('SELECT pg_notify($1, $2)', ['channel', 'one']);
    assert.deepEqual(payloads, ['one']);
  });
});
