import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClassDetectorSettings } from '@tessera/contracts';
import type { Detection } from '../vision/detections.js';
import { chooseObjects } from './object-choice.js';
import type { QueryMeaning } from '../language/query-matcher.js';

const settings: ClassDetectorSettings = {
  classes: 'classes.json',
  tokenizer: 'tokenizer.json',
  detector_image_size: 512,
  encoder_longest_side: 1024,
  detection_threshold: 0.2,
  box_overlap_threshold: 0.7,
  maximum_objects: 2,
  maximum_refined_objects: 2,
  class_score_ratio: 0.5,
  region_shape_exponent: 2,
  named_calibration: { bias: 1, weights: [1] },
  described_calibration: { bias: -5, weights: [1, 10, -20] },
};
const noMeaning: QueryMeaning = {
  classes: [],
  isDescribed: false,
  unknownWords: [],
  modifierWords: [],
  placementWords: [],
  untrainedWords: [],
  referenceObjects: [],
  quantity: {},
  refusedWords: [],
  text: '',
  spelledWords: [],
  isMeaningful: true,
};
const classNames = ['cat', 'dog', 'bench'];
const at = (x: number, classIndex: number, score: number): Detection => ({
  box: [x, 0, x + 0.1, 1],
  classIndex,
  score,
});
const choose = (meaning: Partial<QueryMeaning>, detections: readonly Detection[], threshold = 0.5) =>
  chooseObjects({ ...noMeaning, ...meaning }, detections, classNames, settings, threshold);

describe('chooseObjects', () => {
  it('takes every object of a named class above the detection threshold, best first, up to the limit', () => {
    const [weak, good, best, third] = [at(0, 1, 0.1), at(0.2, 1, 0.5), at(0.4, 1, 0.9), at(0.6, 1, 0.3)];
    const { objects, score } = choose({ classes: [1] }, [weak, good, best, third, at(0.8, 2, 0.99)]);
    assert.deepEqual(
      objects.map(({ prompt }) => prompt.box),
      [best.box, good.box],
    );
    assert.equal(score, objects[0]?.probability);
  });

  it('takes the best object below the detection threshold when the class is present nonetheless', () => {
    const only = at(0, 1, 0.15);
    const { objects } = choose({ classes: [1] }, [only, at(0.5, 1, 0.1)], 0.1);
    assert.deepEqual(
      objects.map(({ prompt }) => prompt.box),
      [only.box],
    );
  });

  it('finds nothing below the threshold of the request', () => {
    const { objects, score } = choose({ classes: [1] }, [at(0, 1, 0.9)], 0.99);
    assert.deepEqual(objects, []);
    assert.ok(score > 0.9 && score < 0.99);
  });

  it('finds nothing for a query without content, even at threshold 0', () => {
    assert.deepEqual(choose({}, [at(0, 1, 0.9)], 0), { score: 0, label: undefined, objects: [], warnings: [] });
  });

  it('finds nothing in an image without detections, even at threshold 0', () => {
    assert.deepEqual(choose({ classes: [1] }, [], 0).objects, []);
  });

  it('labels objects by the classes of their detections, and an answer without objects by the classes of the query', () => {
    const found = choose({ classes: [1, 2] }, [at(0, 1, 0.9), at(0.5, 2, 0.8)]);
    assert.deepEqual(
      found.objects.map(({ label }) => label),
      ['dog', 'bench'],
    );
    assert.equal(choose({ classes: [1, 2] }, [at(0, 0, 0.9)]).label, 'dog, bench');
    assert.equal(choose({ similarities: Float64Array.of(0.1, 0.1, 0.1) }, [at(0, 0, 0.9)]).label, undefined);
  });

  it('takes the class in the picture when two fit a description', () => {
    const similarities = Float64Array.of(0.6, 0.55, 0.1);
    const seen = at(0, 1, 0.8);
    const { objects } = choose({ similarities, unknownWords: ['seat'] }, [seen, at(0.5, 2, 0.9)]);
    assert.deepEqual(
      objects.map(({ prompt }) => prompt.box),
      [seen.box],
    );
  });

  it('keeps to the classes that a broader word names', () => {
    const similarities = Float64Array.of(0.9, 0.5, 0.1);
    const named = at(0.5, 1, 0.9);
    const { objects } = choose({ similarities, classes: [1, 2], isDescribed: true }, [at(0, 0, 0.9), named]);
    assert.deepEqual(
      objects.map(({ prompt }) => prompt.box),
      [named.box],
    );
  });
});

describe('the warnings of chooseObjects', () => {
  const words = {
    unknownWords: ['zorgl', 'seat'],
    spelledWords: ['zorgl'],
    modifierWords: ['red', 'left'],
    placementWords: ['left'],
  };

  it('name every unused word beside a named class', () => {
    assert.deepEqual(choose({ ...words, classes: [1] }, []).warnings, [
      { code: 'unknown_words', words: ['zorgl', 'seat'] },
      { code: 'ignored_words', words: ['red', 'left'] },
    ]);
  });

  it('name only words that cannot be known in a description that fits a class', () => {
    assert.deepEqual(choose({ ...words, similarities: Float64Array.of(0.8, 0.1, 0.1) }, []).warnings, [
      { code: 'unknown_words', words: ['zorgl'] },
      { code: 'ignored_words', words: ['left'] },
    ]);
  });

  it('name all words of content in a description that fits none', () => {
    assert.deepEqual(choose({ ...words, similarities: Float64Array.of(0.1, 0.1, 0.1) }, []).warnings[0], {
      code: 'unknown_words',
      words: ['zorgl', 'seat'],
    });
  });
});
