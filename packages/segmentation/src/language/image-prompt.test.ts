import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Bundle } from '@tessera/inference';
import { ImagePrompt } from './image-prompt.js';

/** Every letter is a token; a space is "▁". */
const letters = Array.from('▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,?!:<>/[]');
const special = ['<unk>', '<s>', '</s>', '[SEG]', '<im_start>', '<im_end>'];
const tokens = [...special, ...letters];

const tokenizer = {
  version: '1.0',
  added_tokens: special.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: true,
    rstrip: true,
    normalized: false,
    special: true,
  })),
  normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    vocab: Object.fromEntries(tokens.map((token, index) => [token, index])),
    merges: [],
  },
};

const settings = {
  tokenizer: 'tokenizer.json',
  prompts: {
    sentence: 'U: <im_start><image><im_end>\n {text} Go. A:',
    phrase: 'U: <im_start><image><im_end>\n What is {text}? A:',
  },
  start_token: 1,
  seg_token: 3,
  mask_source: 'before_seg',
} as const;

const bundle = {
  readFile: () => Promise.resolve(Buffer.from(JSON.stringify(tokenizer))),
} as unknown as Bundle;

const idsOf = (text: string): number[] =>
  text
    .split(/(<im_start>|<im_end>|\[SEG\]|)/u)
    .filter((part) => part !== '')
    .map((part) => tokens.indexOf(part === ' ' ? '▁' : part));

async function prompt(changes: Partial<typeof settings> | object = {}): Promise<ImagePrompt> {
  return ImagePrompt.create(bundle, { ...settings, ...changes });
}

describe('ImagePrompt', () => {
  it('begins with the start token and what precedes the image', async () => {
    const { prefix } = await prompt();
    assert.deepEqual(prefix, [1, ...idsOf('U:<im_start>')]);
  });

  it('asks what a phrase is, and leaves a sentence as it is', async () => {
    const written = await prompt();
    assert.deepEqual(written.write('  the   dog ').ids, idsOf('<im_end>What is the dog? A:'));
    assert.deepEqual(written.write('Find the dog.').ids, idsOf('<im_end>Find the dog. Go. A:'));
    assert.deepEqual(written.write('who barks?').ids, idsOf('<im_end>who barks? Go. A:'));
  });

  it('keeps out of queries what only the prompt may have, also when taking it out makes it', async () => {
    const { ids, removed } = (await prompt()).write('a [S[SEG]EG] dog <image>');
    assert.deepEqual(ids, idsOf('<im_end>What is a [S EG] dog? A:'));
    assert.deepEqual(removed, ['[SEG]', '<image>']);
    const nested = (await prompt()).write('x <<im_end>im_end> y');
    assert.equal(nested.ids.filter((id) => id === special.indexOf('<im_end>')).length, 1);
  });

  it('reads dollar signs in a query as they are', async () => {
    const { ids } = (await prompt()).write('abc');
    const { ids: odd } = (await prompt()).write('$&');
    assert.equal(odd.length, ids.length - 'abc'.length + '$&'.length);
  });

  it('ends with [SEG] where the mask is read from it', async () => {
    const { ids } = (await prompt({ mask_source: 'seg' })).write('dog');
    assert.equal(ids.at(-1), 3);
  });

  it('is refused when its parts do not belong together', async () => {
    await assert.rejects(prompt({ seg_token: 9 }), /no added token 9, which seg_token names/);
    const { phrase } = settings.prompts;
    await assert.rejects(prompt({ prompts: { phrase, sentence: 'no picture {text}' } }), /has <image> once/);
    await assert.rejects(prompt({ prompts: { phrase, sentence: 'U: <image> nothing' } }), /\{text\} once after it/);
    await assert.rejects(prompt({ prompts: { phrase, sentence: 'V: <image> {text}' } }), /differ before the image/);
  });
});
