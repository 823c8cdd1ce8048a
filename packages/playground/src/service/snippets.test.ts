import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formFields } from './question.js';
import { snippets } from './snippets.js';

test('a form has the queries one by one and the options together', () => {
  const fields = formFields({ path: 'segment', body: { queries: ['a', 'b'], refine: false, threshold: 0.2 } });
  assert.deepEqual(fields, [
    ['queries', 'a'],
    ['queries', 'b'],
    ['options', '{"refine":false,"threshold":0.2}'],
  ]);
});

test('curl gets every character of a query through the shell', () => {
  const settings = { url: 'http://127.0.0.1:3000/', fileName: "my photo's.jpg", needsKey: true };
  const text = snippets.curl({ path: 'segment', body: { query: "the cat's $tail" } }, settings);
  assert.equal(
    text,
    [
      'curl',
      '-H "authorization: Bearer $TESSERA_API_KEY"',
      String.raw`-F image=@'my photo'\''s.jpg'`,
      String.raw`--form-string 'query=the cat'\''s $tail'`,
      'http://127.0.0.1:3000/segment',
    ].join(' \\\n  '),
  );
});

test('Python gets its own words for the values of JSON', () => {
  const settings = { url: 'http://127.0.0.1:3000/', fileName: 'photo.jpg', needsKey: false };
  const text = snippets.Python(
    { path: 'segment', body: { query: 'a "dog"', refine: false, output: { instances: true } } },
    settings,
  );
  assert.match(text, /"query": "a \\"dog\\"",\n {4}"refine": False,\n {4}"output": \{"instances": True\},/);
});
