import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { CommandProcess, tessera } from './test-command.js';
import { problemOf, sendJson, sendProblem, TestService } from '@tessera/runtime/test-service';

const commands = [
  'vocabulary train',
  'vocabulary list',
  'vocabulary show',
  'vocabulary delete',
  'vocabulary export',
  'vocabulary import',
  'vocabulary evaluate',
  'segment',
  'classify',
  'models',
  'serve',
  'gateway',
  'worker',
  'keys create',
  'keys list',
  'keys revoke',
  'webhooks failed',
  'webhooks redeliver',
  'bundle calibrate',
  'doctor',
  'completion',
];

let directory: string;
let image: string;
let service: TestService | undefined;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-client-'));
  image = join(directory, 'image.png');
  await writeFile(image, 'image');
});

after(() => rm(directory, { recursive: true }));

afterEach(async () => {
  await service?.close();
  service = undefined;
});

async function start(...parameters: Parameters<typeof TestService.start>): Promise<TestService> {
  service = await TestService.start(...parameters);
  return service;
}

describe('the help', () => {
  it('lists every command, asked for in any way', async () => {
    for (const words of [[], ['--help'], ['help'], ['fly', '-h']]) {
      const { code, output, errors } = await tessera(words);
      assert.deepEqual([code, errors], [0, '']);
      for (const command of commands) assert.ok(output.includes(`\n  ${command} `), `no ${command} in ${output}`);
    }
  });

  it('of several commands with one beginning is theirs alone', async () => {
    const { code, output } = await tessera(['vocabulary', '-h']);
    assert.equal(code, 0);
    assert.match(output, /^ {2}tessera vocabulary train .*\n/);
    assert.ok(
      output.split('\n').every((line) => line === '' || line.startsWith('  tessera vocabulary ')),
      output,
    );
  });

  it('of a command says what each option means', async () => {
    const { code, output } = await tessera(['classify', '--help']);
    assert.deepEqual(await tessera(['help', 'classify']), { code, output, errors: '' });
    assert.equal(code, 0);
    assert.match(
      output,
      /^Usage: tessera classify <image>\.\.\. \[options\]\n\nName what images show, as attribute and object\n/,
    );
    for (const option of ['vocabulary', 'world', 'top-k', 'bias', 'json', 'url', 'api-key', 'help']) {
      assert.match(output, new RegExp(`^ {2}(-h, )?--${option}( <value>)? +\\S`, 'm'));
    }
    assert.match(output, /\nExamples:\n {2}# .*\n {2}tessera classify /);
  });

  it('has the version', async () => {
    const { code, output } = await tessera(['--version']);
    assert.equal(code, 0);
    assert.match(output, /^\d+\.\d+\.\d+\n$/);
  });
});

describe('a command that is called wrongly', () => {
  it('by its environment, for a service, says which setting is unknown', async () => {
    for (const command of ['serve', 'worker', 'gateway']) {
      const { code, errors } = await tessera([command], { TESSERA_FOO: '1' });
      assert.deepEqual([code, errors], [2, 'Invalid configuration:\n  TESSERA_FOO is not a known setting\n']);
    }
  });

  const wrong: [words: string[], errors: RegExp][] = [
    [['--url', 'http://x', 'models'], /^The command comes first, then --url; `tessera --help` lists the commands\.\n$/],
    [['fly'], /^There is no command "fly"; `tessera --help` lists them\.\n$/],
    [['vocabulary'], /^"vocabulary" is followed by one of:\n {2}tessera vocabulary train <directory> .*\n[^]* list /],
    [['vocabulary', 'listing'], /^There is no command "vocabulary listing":\n {2}tessera vocabulary train/],
    [['keys'], /^"keys" is followed by one of:\n {2}tessera keys create <name>/],
    [['segment', '/nowhere', ' '], /^A query is empty/],
    [['segment', '/nowhere', 'the dog', '--pruning', 'most'], /^--pruning is one of .*csp.*, not "most"\./],
    [
      ['segment', '/nowhere', '--box', '10,10,0,5'],
      /^--box has its corner in the image, and a width and a height above 0/,
    ],
    [['segment', '/nowhere', '--box=-1,10,5,5'], /^--box has its corner in the image/],
    [['segment', '/nowhere', '--point=-1,10'], /^--point is in the image, not at "-1,10"/],
    [['vocabulary', 'list', '--colour'], /'--colour'[^]*\nUsage: tessera vocabulary list; `--help` says more\.\n$/],
    [['vocabulary', 'list', '--json=yes'], /--json[^]*\nUsage: tessera vocabulary list/],
    [['vocabulary', 'list', 'x'], /^Usage: tessera vocabulary list;/],
    [['vocabulary', 'show'], /^Usage: tessera vocabulary show <name>;/],
    [['vocabulary', 'list', '--url', 'localhost:3000'], /^"localhost:3000" is not the URL of a service/],
    [['vocabulary', 'train', '.'], /^--name/],
    [['vocabulary', 'train', '.', '--name', 'x', '--method', 'magic'], /^--method is one of csp, coop, clip\./],
    [['vocabulary', 'train', '.', '--name', 'x', '--epochs', 'ten'], /^--epochs is a number, not "ten"\./],
    [['vocabulary', 'train', '/nowhere', '--name', 'x'], /^There is no \/nowhere\/metadata\.json/],
    [['vocabulary', 'evaluate', '.', '--name', 'x', '--set', 'dev'], /^--set is one of val, test, train\./],
    [
      ['vocabulary', 'evaluate', '.', '--name', 'x', '--feasibility-threshold', 'x'],
      /^--feasibility-threshold is a number from -1 to 1, not "x"\./,
    ],
    [['vocabulary', 'import', '/nowhere'], /^\/nowhere cannot be read\./],
    [['classify', '/nowhere', '--vocabulary', 'x'], /^\/nowhere cannot be read\./],
    [['classify', '/nowhere'], /^Give --vocabulary, or --attributes and --objects\./],
    [['classify', '/nowhere', '--attributes', 'red'], /^Give --vocabulary, or --attributes and --objects\./],
    [
      ['classify', '/nowhere', '--vocabulary', 'x', '--top-k', '1.5'],
      /^--top-k is a whole number from 1, not "1\.5"\./,
    ],
    [['classify', '/nowhere', '--vocabulary', 'x', '--bias', 'much'], /^--bias is a number, not "much"\./],
    [['classify', '/nowhere', '--vocabulary', 'x', '--world', 'other'], /^--world is open or closed\./],
  ];
  for (const [words, expected] of wrong) {
    it(`ends with 2 and says what to change: ${words.join(' ')}`, async () => {
      const { code, output, errors } = await tessera(words);
      assert.match(errors, expected);
      assert.doesNotMatch(errors, /^ +at /m);
      assert.deepEqual([code, output], [2, '']);
    });
  }
});

describe('a command that the service answers', () => {
  const vocabularies = [{ name: 'apparel', status: 'trained', attributes: 9, metrics: { auc: 0.5 } }];

  it('prints a table, or the answer as JSON and nothing else', async () => {
    const { url } = await start((_, response) => {
      sendJson(response, 200, { vocabularies });
    });
    const shown = await tessera(['vocabulary', 'list', '--url', url]);
    assert.equal(shown.code, 0);
    assert.match(shown.output, /^Name +Status [^]*\n-+ [^]*\napparel +trained .* 50\.0\n$/);
    const { code, output, errors } = await tessera(['vocabulary', 'list', '--json', '--url', url]);
    assert.deepEqual([code, JSON.parse(output), errors], [0, vocabularies, '']);
  });

  it('takes the service and its key from the environment, and rather from the options', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 200, { vocabularies });
    });
    const list = (environment: Record<string, string>, ...options: string[]) =>
      tessera(['vocabulary', 'list', ...options], environment);
    await list({ TESSERA_CLIENT_URL: url, TESSERA_CLIENT_API_KEY: 'from-environment' });
    const others = { TESSERA_CLIENT_URL: 'http://127.0.0.1:1', TESSERA_CLIENT_API_KEY: 'from-environment' };
    await list(others, '--url', url, '--api-key', 'from-option');
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      ['Bearer from-environment', 'Bearer from-option'],
    );
  });

  it('ends with 1 when the service refuses, and says where', async () => {
    const { url, requests } = await start((_, response) => {
      const problem = problemOf('TSR_VALIDATION', 400, 'The body does not match.');
      sendProblem(response, { ...problem, errors: [{ pointer: '/images/0', message: 'is no image' }] });
    });
    const { code, output, errors } = await tessera(['classify', image, '--vocabulary', 'x', '--url', url]);
    assert.equal(errors, 'TSR_VALIDATION: The body does not match.\n  /images/0 is no image\n');
    assert.deepEqual([code, output], [1, '']);
    const sent = String(requests[0]?.body);
    assert.match(sent, /name="images"[^]*\r\n\r\nimage\r\n/);
    assert.match(sent, /\{"vocabulary":"x","world":"closed","top_k":5,"unseen_bias":0\}/);
  });

  it('ends with 1 when there is no service, and says how to get one', async () => {
    const { url } = await start(() => undefined);
    await service?.close();
    const { code, errors } = await tessera(['vocabulary', 'show', 'x', '--url', url]);
    assert.equal(code, 1);
    assert.match(
      errors,
      /^http\S+ cannot be reached: connect ECONNREFUSED .* Start a service with `tessera serve`, or .*\n$/,
    );
  });

  it('warns of words of a classification, and needs no warnings of an older worker', async () => {
    const answer = {
      results: [{ index: 0, predictions: [{ label: 'red dress', score: 0.5, seen: true }] }],
      warnings: [{ code: 'unknown_words', words: ['赤い', 'ドレス'] }],
    };
    let isOld = false;
    const { url } = await start((_, response) => {
      sendJson(response, 200, isOld ? { results: answer.results } : answer);
    });
    const words = ['classify', image, '--attributes', 'red, 赤い', '--objects', 'dress,ドレス', '--url', url];
    const warned = await tessera(words);
    assert.equal(warned.code, 0);
    assert.match(warned.errors, /^words that the model knows no part of.* \(unknown_words\): 赤い, ドレス\n$/);
    assert.match(warned.output, /\nPair +Score\n[^]*red dress +50\.0 %\n/);
    assert.doesNotMatch(warned.output, /seen|training/, 'words of one’s own were not trained');
    isOld = true;
    const silent = await tessera(words);
    assert.deepEqual([silent.code, silent.errors, silent.output], [0, '', warned.output]);
    const trained = await tessera([...words.slice(0, 2), '--vocabulary', 'x', ...words.slice(-2)]);
    assert.match(trained.output, /\nPair +Score +In training\n[^]*red dress +50\.0 % +seen\n/);
  });

  it('passes over empty words of a classification, as a comma at the end leaves', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 200, { results: [], warnings: [] });
    });
    const { code } = await tessera([
      'classify',
      image,
      '--attributes',
      'red,, blue,',
      '--objects',
      ' dress ,',
      '--url',
      url,
    ]);
    assert.equal(code, 0);
    assert.match(String(requests[0]?.body), /"vocabulary":\{"attributes":\["red","blue"\],"objects":\["dress"\]\}/);
  });

  it('that is interrupted ends with 130 and without a word', async () => {
    const asked = new EventTarget();
    const { url } = await start(() => asked.dispatchEvent(new Event('request')));
    const request = once(asked, 'request');
    const command = new CommandProcess(['vocabulary', 'list', '--url', url]);
    await Promise.race([request, command.outcome()]);
    command.interrupt();
    assert.deepEqual(await command.outcome(), { code: 130, output: '', errors: '' });
  });
});

describe('the program', () => {
  it('prints results on one stream and everything else on the other', async () => {
    const { url } = await start((_, response) => {
      sendJson(response, 200, { vocabularies: [] });
    });
    const listed = await new CommandProcess(['vocabulary', 'list', '--json', '--url', url]).outcome();
    assert.deepEqual(listed, { code: 0, output: '[]\n', errors: '' });
    const { code, output, errors } = await new CommandProcess(['fly']).outcome();
    assert.deepEqual([code, output], [2, '']);
    assert.match(errors, /^There is no command "fly"/);
  });
});
