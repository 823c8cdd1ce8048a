import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { problemOf, sendJson, sendProblem, TestService } from '@tessera/runtime/test-service';
import { CommandProcess, tessera } from './test-command.js';

let directory: string;
let service: TestService;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-cli-'));
  await writeFile(join(directory, 'a.jpg'), 'photo');
});
after(() => rm(directory, { recursive: true }));
afterEach(() => service.close());

const model = { name: 'm', version: 1, task: 'segment', default: true, description: 'A model.' };
const found = {
  query: 'the dog',
  present: true,
  score: 0.9,
  mask: { size: [1, 1], counts: [0, 1] },
  bbox: [0, 0, 1, 1],
  area: 1,
  warnings: [{ code: 'ignored_words', words: ['old'] }],
};

/** A service that answers after this has been done. */
async function serviceAfter(first: () => void): Promise<string> {
  service = await TestService.start(({ method }, response) => {
    first();
    if (method === 'GET') sendJson(response, 200, { models: [model] });
    else sendJson(response, 200, { image: { width: 1, height: 1 }, results: [found], timings_ms: {} });
  });
  return service.url;
}

describe('a standard stream that is gone', () => {
  it('ends the command quietly, with the code of a shell, when it is that of the results', async () => {
    const url = await serviceAfter(() => {
      command.close('stdout');
    });
    const command = new CommandProcess(['models', '--json', '--url', url]);
    const { code, errors } = await command.outcome();
    assert.deepEqual([code, errors], [141, '']);
  });

  it('leaves the work as it is when it is that of the messages', async () => {
    const url = await serviceAfter(() => {
      command.close('stderr');
    });
    const coco = join(directory, 'coco.json');
    const command = new CommandProcess(['segment', directory, 'the dog', '--coco', coco, '--url', url]);
    const { code, output } = await command.outcome();
    assert.deepEqual([code, output], [0, '']);
    assert.equal(JSON.parse(await readFile(coco, 'utf8')).annotations.length, 1);
  });

  it('is worth one line when it is a full disk', { skip: !existsSync('/dev/full') && 'no /dev/full' }, async () => {
    const url = await serviceAfter(() => undefined);
    const { code, errors } = await new CommandProcess(['models', '--json', '--url', url], '/dev/full').outcome();
    assert.equal(code, 1);
    assert.match(errors, /^The results cannot be written: ENOSPC: .*\n$/);
  });
});

describe('what steers a terminal', () => {
  const [steering, shown] = [
    'the \u001b[31mdog\u0007\u009b\u202egnp',
    String.raw`the \u001b[31mdog\u0007\u009b\u202egnp`,
  ];
  const hasControls = (text: string) => /[\p{Cc}\p{Cf}]/u.test(text.replaceAll('\n', ''));

  it('is shown in tables and messages, and stays what it is in JSON', async () => {
    service = await TestService.start((_, response) => {
      const name = `${steering}\nnext`;
      sendJson(response, 200, { models: [{ ...model, name }] });
    });
    const { output } = await tessera(['models', '--url', service.url]);
    assert.ok(output.includes(String.raw`${shown}\u000anext@1`), output);
    assert.ok(!hasControls(output));
    const json = await tessera(['models', '--json', '--url', service.url]);
    assert.ok(!hasControls(json.output));
    assert.equal(JSON.parse(json.output)[0].name, `${steering}\nnext`);
  });

  it('is shown in queries, names and the messages of the service', async () => {
    const file = join(directory, `${steering}.jpg`);
    await writeFile(file, 'photo');
    service = await TestService.start((_, response) => {
      sendProblem(response, problemOf('TSR_VALIDATION', 400, `No ${steering}.`));
    });
    for (const words of [['segment', file, steering], ['classify', `${file}x`, '--vocabulary', 'x'], [steering]]) {
      const { code, output, errors } = await tessera([...words, '--url', service.url]);
      assert.notEqual(code, 0);
      assert.ok(errors.includes(shown), errors);
      assert.ok(!hasControls(output + errors));
    }
  });
});
