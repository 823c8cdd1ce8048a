import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  bestCandidate,
  computeLogits,
  meanEmbedding,
  noneFeatures,
  objectCandidates,
  openWorld,
  pairCandidates,
  type Vocabulary,
} from '@tessera/composition';
import type { LogisticCalibration, PipelineManifest } from '@tessera/contracts';
import { float32Output, type Bundle, type ImageOutputs, type SharedOutputs } from '@tessera/inference';
import { probability } from '@tessera/runtime';
import { baseHash } from '../encoders/dual-encoder-bundle.js';
import { normalizeRows } from '../encoders/normalize-rows.js';
import { batchOf } from '../encoders/prompts.js';
import { TokenTable } from '../encoders/token-table.js';
import type { CompositionModel } from './composition-model.js';
import { createCompositionModel } from './create-composition-model.js';
import { drawnImage, missingBundle, startTestBundle, type Colour, type ObservedRunner } from './test-bundle.js';

const inline = { attributes: ['red', 'blue', 'green'], objects: ['dress', 'shirt', 'shoes'] };

describe('a composition model of the bundle tessera-dual', { skip: missingBundle }, () => {
  let bundle: Bundle<PipelineManifest<'dual-encoder'>>;
  let runner: ObservedRunner;
  let model: CompositionModel;
  let tokens: TokenTable;
  let images = 0;

  /** An image that was never seen before. */
  const freshImage = (colour: Colour = 'red') => {
    images += 1;
    return drawnImage(colour, 'square', images);
  };

  /** A vocabulary with one learned row for each name, `value` everywhere. */
  const learned = (attributes: string[], objects: string[], value: number): Vocabulary => {
    const rows = attributes.length + objects.length;
    const width = bundle.manifest.settings.text_width;
    return {
      name: 'learned',
      model: bundle.manifest.name,
      method: 'csp',
      attributes,
      objects,
      seen_pairs: [[attributes[0] ?? '', objects[0] ?? '']],
      logit_scale: 10,
      base: { name: bundle.manifest.name, sha256: baseHash(bundle) },
      learned: { rows, width, values: new Float32Array(rows * width).fill(value) },
    };
  };

  before(async () => {
    ({ bundle, runner } = await startTestBundle());
    model = await createCompositionModel(bundle, runner);
    tokens = await TokenTable.load(bundle);
  });

  after(() => runner.close());

  it('embeds an untrained pair of one-piece words as the sentence that it is', async () => {
    const candidates = openWorld(inline.attributes, inline.objects);
    const { values, width } = await model.embedCandidates(candidates, inline);
    for (const [index, [attribute, object]] of inline.attributes
      .flatMap((name) => inline.objects.map((other) => [name, other] as const))
      .entries()) {
      const sentence = tokens.pieceRows(`a photo of ${attribute} ${object}`);
      assert.equal(sentence.length, 5, `"${attribute} ${object}" is not two pieces`);
      const prompt = batchOf([[tokens.start, ...sentence, tokens.end]], tokens.width);
      const { outputs } = await runner.run({
        bundle: bundle.manifest.name,
        graph: 'text_encoder',
        feeds: { ...prompt },
      });
      const expected = normalizeRows(float32Output(outputs, 'text_embeds'), width);
      for (const [column, value] of expected.entries()) {
        assert.ok(Math.abs((values[index * width + column] ?? NaN) - value) < 1e-5);
      }
    }
  });

  it('begins a primitive as the mean of its word pieces, in lower case and without dots', () => {
    const pieces = tokens.pieceRows('ankle boots');
    assert.ok(pieces.length >= 2);
    const mean = pieces[0]?.map(
      (_, column) => pieces.reduce((sum, row) => sum + (row[column] ?? 0), 0) / pieces.length,
    );
    assert.deepEqual(tokens.meanRow('Ankle.Boots'), mean);
    assert.ok(tokens.meanRow('.').every(Number.isFinite));
  });

  it('embeds prompts of different lengths in one batch as each alone', async () => {
    const long = ['red', 'blue', 'dress'];
    const short = ['red', 'dress'];
    const both = await model.embedCandidates(pairCandidates([short, long]), inline);
    for (const [index, pair] of [short, long].entries()) {
      const alone = await model.embedCandidates(pairCandidates([pair]), inline);
      for (const [column, value] of alone.values.entries()) {
        assert.ok(Math.abs((both.values[index * both.width + column] ?? NaN) - value) < 1e-5);
      }
    }
  });

  it('classifies the colour of a drawn shape by words alone', async () => {
    for (const colour of ['red', 'blue', 'green'] as const) {
      const { results } = await model.classify([freshImage(colour)], inline, { marginals: true, top_k: 9 });
      const [result] = results;
      assert.ok(result?.attributes && result.objects);
      assert.equal(result.attributes[0]?.label, colour);
      assert.ok(Math.abs(result.predictions.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-6);
      for (const { label, score } of result.attributes) {
        const pairs = result.predictions.filter(({ attributes }) => attributes.includes(label));
        assert.ok(Math.abs(pairs.reduce((sum, pair) => sum + pair.score, 0) - score) < 1e-6);
      }
    }
  });

  it('answers several images in their order, one embedding each', async () => {
    const [red, blue] = [freshImage('red'), freshImage('blue')];
    const count = runner.runs.length;
    const { results } = await model.classify([red, blue, red], inline, { top_k: 1 });
    assert.deepEqual(
      results.map(({ index }) => index),
      [0, 1, 2],
    );
    assert.deepEqual(results[2]?.predictions, results[0]?.predictions);
    assert.deepEqual(
      runner.runs.slice(count).flatMap(({ feeds: { pixels } }) => (pixels && 'dims' in pixels ? [pixels.dims[0]] : [])),
      [2],
    );
  });

  it('neither reads an image nor encodes texts a second time', async () => {
    let reads = 0;
    const source = freshImage();
    const image = {
      id: source.id,
      read: () => {
        reads += 1;
        return source.read();
      },
    };
    const first = await model.classify([image], inline, {});
    const count = runner.runs.length;
    const second = await model.classify([image], inline, {});
    assert.deepEqual(second.results, first.results);
    assert.deepEqual(runner.graphsSince(count), []);
    assert.equal(reads, 1);
  });

  it('uses learned rows where there are some, and reports which', async () => {
    const vocabulary = learned(['red', 'blue'], ['dress'], 0.02);
    const pairs = [
      ['red', 'dress'],
      ['green', 'dress'],
      ['blue', 'red', 'shoes'],
    ];
    const { results, calibration } = await model.classify([freshImage()], vocabulary, { pairs, top_k: 3 });
    const byLabel = new Map(results[0]?.predictions.map((prediction) => [prediction.label, prediction]));
    assert.deepEqual(byLabel.get('red dress')?.sources, { attributes: ['soft'], object: 'soft' });
    assert.deepEqual(byLabel.get('green dress')?.sources, { attributes: ['pretrained'], object: 'soft' });
    assert.deepEqual(byLabel.get('blue red shoes')?.sources, { attributes: ['soft', 'soft'], object: 'pretrained' });
    assert.deepEqual([...byLabel.values()].map(({ seen }) => seen).filter(Boolean).length, 1);
    assert.equal(byLabel.get('red dress')?.seen, true);
    assert.equal(calibration.logit_scale, 10);

    const other = await model.classify([freshImage()], learned(['red', 'blue'], ['dress'], -0.02), { pairs, top_k: 3 });
    assert.notDeepEqual(
      other.results[0]?.predictions.find(({ label }) => label === 'red dress')?.logit,
      byLabel.get('red dress')?.logit,
    );
  });

  it('gives raw logits, and scores with the bias of unseen pairs', async () => {
    const vocabulary = learned(['red'], ['dress', 'shirt'], 0.02);
    const image = freshImage();
    const options = { world: 'open', top_k: 2 } as const;
    const plain = await model.classify([image], vocabulary, options);
    const biased = await model.classify([image], vocabulary, { ...options, unseen_bias: 500 });
    const logits = (outcome: typeof plain) =>
      Object.fromEntries(outcome.results[0]?.predictions.map(({ label, logit }) => [label, logit]) ?? []);
    assert.deepEqual(logits(biased), logits(plain));
    const [best] = biased.results[0]?.predictions ?? [];
    assert.deepEqual([best?.label, best?.seen], ['red shirt', false]);
    assert.ok((best?.score ?? 0) > 0.999);
    assert.equal(biased.calibration.unseen_bias, 500);
  });

  it('has the candidates of the requested world', async () => {
    const vocabulary = learned(['red', 'blue'], ['dress', 'shirt'], 0.02);
    const image = freshImage();
    const count = async (options: Parameters<CompositionModel['classify']>[2]) =>
      (await model.classify([image], vocabulary, options)).candidates;
    assert.deepEqual(await count({}), { count: 1, excluded: 0 });
    assert.deepEqual(await count({ world: 'open' }), { count: 4, excluded: 0 });
    assert.deepEqual(await count({ world: 'open', feasibility_threshold: 1 }), { count: 1, excluded: 3 });
    assert.deepEqual(await count({ pairs: [['green', 'shoes']], world: 'open' }), { count: 1, excluded: 0 });
    const { candidates } = await model.classify([image], inline, {});
    assert.deepEqual(candidates, { count: 9, excluded: 0 });
  });

  it('gives spellings of one name one share of the score', async () => {
    const image = freshImage('red');
    const objects = ['dress'];
    const scores = async (attributes: string[]) => {
      const { results, candidates } = await model.classify([image], { attributes, objects }, { top_k: 9 });
      const byLabel = results[0]?.predictions.map(({ label, score }) => [label, score] as const) ?? [];
      return { byLabel: Object.fromEntries(byLabel), count: candidates.count };
    };
    const plain = await scores(['red', 'blue']);
    assert.deepEqual(await scores(['red', 'Red', 'RED', 'red ', 'blue']), plain);
    assert.equal(plain.count, 2);

    const dark = await scores(['dark red', 'blue']);
    for (const spelling of ['dark_red', 'dark-red', 'Dark  Red ']) {
      const { byLabel } = await scores([spelling, 'blue']);
      assert.equal(byLabel[`${spelling.trim()} dress`], dark.byLabel['dark red dress']);
    }
  });

  it('finds learned rows and seen pairs whatever the spelling', async () => {
    const vocabulary = learned(['Dark_Red', 'blue'], ['T-Shirt', 'dress'], 0.02);
    const pairs = [
      ['dark red', 't shirt'],
      ['BLUE', 'Dress '],
    ];
    const options = { pairs, top_k: 2, unknown_primitives: 'error' } as const;
    const { results, warnings } = await model.classify([freshImage()], vocabulary, options);
    const byLabel = new Map(results[0]?.predictions.map((prediction) => [prediction.label, prediction]));
    for (const label of ['dark red t shirt', 'BLUE Dress']) {
      assert.deepEqual(byLabel.get(label)?.sources, { attributes: ['soft'], object: 'soft' });
    }
    assert.deepEqual(
      [...byLabel.values()].filter(({ seen }) => seen).map(({ label }) => label),
      ['dark red t shirt'],
    );
    assert.deepEqual(warnings, []);
  });

  it('uses the first row of a vocabulary that has a name in two spellings', async () => {
    const vocabulary = learned(['RED', 'red'], ['dress'], 0.02);
    const values = vocabulary.learned?.values.slice() ?? new Float32Array();
    values.fill(-0.02, bundle.manifest.settings.text_width, 2 * bundle.manifest.settings.text_width);
    const spelledTwice = {
      ...vocabulary,
      learned: { ...vocabulary.learned, rows: 3, width: bundle.manifest.settings.text_width, values },
    };
    const image = freshImage();
    const { results, candidates } = await model.classify([image], spelledTwice, { world: 'open' });
    assert.equal(candidates.count, 1);
    const { results: expected } = await model.classify([image], learned(['RED'], ['dress'], 0.02), { world: 'open' });
    assert.equal(results[0]?.predictions[0]?.logit, expected[0]?.predictions[0]?.logit);
  });

  it('warns of words that it knows no piece of', async () => {
    const warningsFor = async (attributes: string[], objects: string[]) =>
      (await model.classify([freshImage()], { attributes, objects }, {})).warnings;
    assert.deepEqual(await warningsFor(['red', 'dark_red'], ['dress', 'T-Shirt', 'zorgl']), []);
    assert.deepEqual(await warningsFor(['red'], ['赤いドレス', 'dress']), [
      { code: 'unknown_words', words: ['赤いドレス'] },
    ]);
    assert.deepEqual(await warningsFor(['👗', '赤 red'], ['dress', '👗', '帽子!']), [
      { code: 'unknown_words', words: ['👗', '赤', '帽子!'] },
    ]);
  });

  it('does not warn of words that it has learned', async () => {
    const pairs = [
      ['赤い', 'ドレス'],
      ['赤い', '帽子'],
    ];
    const { warnings } = await model.classify([freshImage()], learned(['赤い'], ['ドレス'], 0.02), { pairs });
    assert.deepEqual(warnings, [{ code: 'unknown_words', words: ['帽子'] }]);
  });

  it('gives a probability that no candidate fits, by the calibration of the bundle', async () => {
    const { none_calibration: calibration, logit_scale: scale } = bundle.manifest.settings;
    assert.ok(calibration);
    const image = freshImage('red');
    const vocabulary = { attributes: ['red', 'blue'], objects: ['dress', 'shoes'] };
    const objects = objectCandidates(calibration.background);
    const background = meanEmbedding(
      await model.embedCandidates(objects, { attributes: [], objects: [...calibration.background] }),
    );
    const expected = async (candidates: Vocabulary | typeof vocabulary, by: LogisticCalibration) => {
      const texts = await model.embedCandidates(openWorld(candidates.attributes, candidates.objects), candidates);
      const [embedding = new Float32Array()] = await model.embedImages([image]);
      const best = bestCandidate(embedding, texts, computeLogits(embedding, texts, scale));
      return probability(by, noneFeatures(best, background, scale));
    };
    const { results } = await model.classify([image], vocabulary, { top_k: 1, unseen_bias: 3 });
    assert.ok(Math.abs((results[0]?.none ?? NaN) - (await expected(vocabulary, calibration.words))) < 1e-9);

    const trained = learned(vocabulary.attributes, vocabulary.objects, 0.02);
    const other = await model.classify([image], trained, { world: 'open' });
    assert.ok(Math.abs((other.results[0]?.none ?? NaN) - (await expected(trained, calibration.learned))) < 1e-9);
  });

  it('gives no such probability when the bundle has no calibration for the vocabulary', async () => {
    const settings = { ...bundle.manifest.settings };
    delete settings.none_calibration;
    const bare = await createCompositionModel(
      {
        directory: bundle.directory,
        manifest: { ...bundle.manifest, settings },
        graphHash: (graph) => bundle.graphHash(graph),
        readFile: (name) => bundle.readFile(name),
      },
      runner,
    );
    const { results } = await bare.classify([freshImage()], inline, {});
    assert.equal(results[0] && 'none' in results[0], false);

    const width = bundle.manifest.settings.text_width;
    const context = { rows: 3, width, values: new Float32Array(3 * width).fill(0.02) };
    const coop = { ...learned(['red'], ['dress'], 0), method: 'coop', learned: context } as const;
    const ofCoop = await model.classify([freshImage()], coop, {});
    assert.equal(ofCoop.results[0] && 'none' in ofCoop.results[0], false);
  });

  it('reports how feasible a pair is when there is a threshold', async () => {
    const vocabulary = learned(['red', 'blue'], ['dress', 'shirt'], 0.02);
    const options = { world: 'open', feasibility_threshold: -1, top_k: 4 } as const;
    const { results } = await model.classify([freshImage()], vocabulary, options);
    for (const { seen, feasibility } of results[0]?.predictions ?? []) {
      assert.ok(feasibility !== undefined && (seen ? feasibility === 1 : feasibility < 1));
    }
    await assert.rejects(model.classify([freshImage()], inline, options), { code: 'TSR_VALIDATION' });
  });

  it('refuses words that the vocabulary does not know, when the request demands it', async () => {
    const options = { pairs: [['green', 'dress']], unknown_primitives: 'error' } as const;
    const request = { ...options, pairs: options.pairs.map((pair) => [...pair]) };
    await assert.rejects(model.classify([freshImage()], learned(['red'], ['dress'], 0), request), {
      code: 'TSR_VALIDATION',
      message: /green/,
    });
    await model.classify([freshImage()], inline, request);
  });

  it('refuses prompts that are longer than the context', async () => {
    const { context_length: length } = bundle.manifest.settings;
    const width = bundle.manifest.settings.text_width;
    const coop = { ...learned(['red'], ['dress'], 0), method: 'coop' } as const;
    const context = { rows: length, width, values: new Float32Array(length * width) };
    await assert.rejects(model.classify([freshImage()], { ...coop, learned: context }, {}), { code: 'TSR_VALIDATION' });
  });

  it('refuses a vocabulary of another text encoder', async () => {
    const vocabulary = learned(['red'], ['dress'], 0);
    const other = { ...vocabulary, base: { ...vocabulary.base, sha256: '0'.repeat(64) } };
    await assert.rejects(model.classify([freshImage()], other, {}), { code: 'TSR_VOCABULARY_MISMATCH' });
    const narrow = { ...vocabulary, learned: { rows: 2, width: 1, values: Float32Array.of(1, 2) } };
    await assert.rejects(model.classify([freshImage()], narrow, {}), { code: 'TSR_VOCABULARY_MISMATCH' });
  });

  it('fails where learned values or their scale overflow, in place of scores that are no numbers', async () => {
    const vocabulary = learned(['red', 'blue'], ['dress'], 0.02);
    const values = vocabulary.learned?.values.map((_, index) => (index % 2 === 0 ? 3e38 : -1e38)) ?? assert.fail();
    const huge = { rows: 3, width: bundle.manifest.settings.text_width, values };
    for (const broken of [
      { ...vocabulary, learned: huge },
      { ...vocabulary, logit_scale: 1e300 },
    ]) {
      await assert.rejects(model.classify([freshImage()], broken, { world: 'open' }), {
        code: 'TSR_VOCABULARY_INVALID',
        message: /"learned" give logits that are not finite/,
      });
    }
  });

  it('names the image that does not decode', async () => {
    const broken = { id: 'broken', read: () => Promise.resolve(Buffer.from('no picture')) };
    await assert.rejects(
      model.classify([freshImage(), broken], inline, {}),
      (error: { code?: string; fields?: { pointer: string }[] }) =>
        error.code === 'TSR_IMAGE_FORMAT_UNSUPPORTED' && error.fields?.[0]?.pointer === '/images/1',
    );
  });

  it('stops between batches of texts when the request is given up', async () => {
    const controller = new AbortController();
    const attributes = Array.from({ length: 60 }, (_, index) => `shade ${index}`);
    const objects = Array.from({ length: 30 }, (_, index) => `thing ${index}`);
    const count = runner.runs.length;
    const stages: string[] = [];
    await assert.rejects(
      model.classify(
        [freshImage()],
        { attributes, objects },
        {},
        {
          signal: controller.signal,
          onProgress: (stage) => {
            stages.push(stage);
            if (stage === 'text') controller.abort(new Error('given up'));
          },
        },
      ),
      { message: 'given up' },
    );
    assert.deepEqual(stages, ['vision', 'text']);
    // Of eight; the others were under way while the first one was used.
    assert.deepEqual(runner.graphsSince(count), ['image_encoder', ...Array<string>(4).fill('text_encoder')]);
  });

  it('encodes many candidates of the same attributes by themselves, with the same logits as mixed ones', async () => {
    const attributes = ['left', 'right'];
    const objects = Array.from({ length: 70 }, (_, index) => `thing ${index}`);
    const image = freshImage();
    const logitsOf = async (candidates: Parameters<typeof model.classify>[1], pairs: string[][] = []) => {
      const count = runner.runs.length;
      const given = pairs.length === 0 ? {} : { pairs };
      const { results } = await model.classify([image], candidates, { top_k: 1000, ...given });
      const runs = runner.graphsSince(count).filter((graph) => graph === 'text_encoder').length;
      return { runs, logits: new Map(results[0]?.predictions.map(({ label, logit }) => [label, logit])) };
    };
    const apart = await logitsOf({ attributes, objects });
    const pairs = objects.flatMap((object) => attributes.map((attribute) => [attribute, object]));
    const mixed = await logitsOf({ attributes, objects }, pairs);
    assert.deepEqual([apart.runs, mixed.runs, apart.logits.size, mixed.logits.size], [2, 1, 140, 140]);
    for (const [label, logit] of apart.logits) {
      const other = mixed.logits.get(label) ?? Number.NaN;
      assert.ok(Math.abs(logit - other) < 1e-4, `${label}: ${logit} and ${other}`);
    }
  });

  it('reports progress that never goes back, and times every stage', async () => {
    const fractions: number[] = [];
    const { timingsMs } = await model.classify(
      [freshImage()],
      { attributes: ['golden'], objects: ['crown'] },
      {},
      { onProgress: (_, fraction) => fractions.push(fraction) },
    );
    assert.deepEqual(
      fractions,
      [...fractions].sort((a, b) => a - b),
    );
    assert.ok(fractions.every((fraction) => fraction >= 0 && fraction < 1));
    for (const milliseconds of Object.values(timingsMs)) assert.ok(milliseconds > 0);
  });

  it('takes the embeddings that another worker has computed, without the images', async () => {
    const stored = new Map<string, ImageOutputs>();
    const waiting: (() => Promise<void>)[] = [];
    const shared: SharedOutputs = {
      find: (key, fits) => {
        const outputs = stored.get(key);
        return Promise.resolve(outputs !== undefined && fits(outputs) ? outputs : undefined);
      },
      store: (key, collect) => {
        waiting.push(async () => void stored.set(key, (await collect()) ?? assert.fail()));
      },
    };
    const seen = [freshImage('red'), freshImage('blue')];
    const first = await model.classify(seen, inline, {}, { shared });
    for (const write of waiting) await write();
    assert.equal(stored.size, 2);

    const other = await createCompositionModel(bundle, runner);
    const unread = seen.map(({ id }) => ({ id, read: () => Promise.reject(new Error('the image is not needed')) }));
    const count = runner.runs.length;
    const further = await other.classify(unread, inline, {}, { shared });
    assert.ok(!runner.graphsSince(count).includes('image_encoder'));
    assert.deepEqual(further.results, first.results);
    const mixed = await other.classify([...unread, freshImage('green')], inline, {}, { shared });
    assert.deepEqual(mixed.results.slice(0, 2), first.results);
  });

  it('warms every encoder', async () => {
    const fresh = await createCompositionModel(bundle, runner);
    const count = runner.runs.length;
    await fresh.warmUp(freshImage());
    assert.deepEqual(new Set(runner.graphsSince(count)), new Set(['image_encoder', 'text_encoder']));
    const warm = runner.runs.length;
    await fresh.classify([freshImage()], inline, {});
    assert.deepEqual(runner.graphsSince(warm), ['image_encoder', 'text_encoder']);
  });
});
