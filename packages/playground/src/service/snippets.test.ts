import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { sendJson, TestService } from '@tessera/runtime/test-service';
import { formFields } from './question.js';
import { snippets } from './snippets.js';

const hasCurl = spawnSync('curl', ['--version']).error === undefined;

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
      String.raw`-F 'image=@"my photo'\''s.jpg"'`,
      String.raw`--form-string 'query=the cat'\''s $tail'`,
      'http://127.0.0.1:3000/segment',
    ].join(' \\\n  '),
  );
});

test('curl sends a photo whatever its name is', { skip: hasCurl ? false : 'no curl here' }, async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'tessera-snippets-'));
  const service = await TestService.start((_, response) => {
    sendJson(response, 200, {});
  });
  context.after(() => Promise.all([service.close(), rm(directory, { recursive: true })]));
  const names = [
    'photo.jpg',
    'holiday, 2024; x.jpg',
    `a "quoted" 'one'.jpg`,
    String.raw`back\slash\.jpg`,
    '-',
    '@$HOME é',
  ];
  for (const [index, fileName] of [...names, ' ends ', '; type=x', '-F.jpg', 'a\tb'].entries()) {
    await writeFile(join(directory, fileName), `photo ${index}`);
    const settings = { url: `${service.url}/`, fileName, needsKey: false };
    const text = snippets.curl({ path: 'segment', body: { query: 'the dog' } }, settings);
    await promisify(execFile)('sh', ['-c', text], { cwd: directory });
    const body = String(service.requests[index]?.body);
    assert.match(body, new RegExp(`name="image"; filename=[^]*\\r\\nphoto ${index}\\r\\n`), text);
    assert.match(body, /name="query"\r\n\r\nthe dog\r\n/);
  }
});

test('Python gets its own words for the values of JSON', () => {
  const settings = { url: 'http://127.0.0.1:3000/', fileName: 'photo.jpg', needsKey: false };
  const text = snippets.Python(
    { path: 'segment', body: { query: 'a "dog"', refine: false, output: { instances: true } } },
    settings,
  );
  assert.match(text, /"query": "a \\"dog\\"",\n {4}"refine": False,\n {4}"output": \{"instances": True\},/);
});
