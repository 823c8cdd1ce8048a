import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClassDetectorSettings } from '@tessera/contracts';
import type { Detection } from '../vision/detections.js';
import { chooseObjects, classLabel, similarityRule } from './object-choice.js';

const settings: ClassDetectorSettings = {
  classes: 'classes.json',
  tokenizer: 'tokenizer.json',
  detector_image_size: 512,
  encoder_longest_side: 1024,
  detection_threshold: 0.2,
  object_score_ratio: 0.4,
  crowd_size: 10,
  box_overlap_threshold: 0.7,
  maximum_objects: 2,
  maximum_refined_objects: 2,
  class_score_ratio: 0.5,
  region_shape_exponent: 2,
  similarity_calibration: { bias: -5, weights: [1, 10, -20] },
};
const classNames = ['cat', 'dog', 'bench'];
const at = (x: number, classIndex: number, score: number): Detection => ({
  box: [x, 0, x + 0.1, 1],
  classIndex,
  score,
  rivals: [],
});
/** Of the classes asked for, the detector's score itself. */
const named = (...classes: number[]) => ({
  probabilityOf: ({ classIndex, score }: Detection) => (classes.includes(classIndex) ? score : 0),
  leastShare: 0,
});
const choose = (rule: Parameters<typeof chooseObjects>[0], detections: readonly Detection[], threshold = 0.5) =>
  chooseObjects(rule, detections, classNames, settings, threshold);
const boxesOf = ({ objects }: ReturnType<typeof choose>): unknown[] => objects.map(({ prompt }) => prompt.box);

describe('chooseObjects', () => {
  it('takes every object of a class above the detection threshold, best first, up to the limit', () => {
    const [weak, good, best, third] = [at(0, 1, 0.1), at(0.2, 1, 0.5), at(0.4, 1, 0.9), at(0.6, 1, 0.4)];
    const choice = choose(named(1), [weak, good, best, third, at(0.8, 2, 0.99)]);
    assert.deepEqual(boxesOf(choice), [best.box, good.box]);
    assert.equal(choice.score, choice.objects[0]?.probability);
  });

  it('leaves out what is far less certain than the best object of its class', () => {
    const [best, weak, ofAnother] = [at(0, 1, 0.9), at(0.2, 1, 0.3), at(0.4, 2, 0.6)];
    assert.deepEqual(boxesOf(choose(named(1, 2), [best, weak, ofAnother])), [best.box, ofAnother.box]);
    const [unsure, alike] = [at(0, 1, 0.55), at(0.2, 1, 0.3)];
    assert.deepEqual(boxesOf(choose(named(1), [unsure, alike])), [unsure.box, alike.box]);
  });

  it('keeps all of a crowd, of which the best object is seen far better', () => {
    const crowd = Array.from({ length: 10 }, (_, index) => at(0.05 + 0.06 * index, 1, 0.25));
    const chosen = (others: readonly Detection[]) =>
      chooseObjects(named(1), [at(0.8, 1, 0.9), ...others], classNames, { ...settings, maximum_objects: 50 }, 0.5);
    assert.deepEqual([chosen(crowd).objects.length, chosen(crowd.slice(1)).objects.length], [11, 1]);
  });

  it('takes the best object below the detection threshold when the class is present nonetheless', () => {
    const only = at(0, 1, 0.15);
    assert.deepEqual(boxesOf(choose(named(1), [only, at(0.5, 1, 0.1)], 0.1)), [only.box]);
  });

  it('takes the objects of every class asked for that is present', () => {
    const [dog, bench] = [at(0, 1, 0.9), at(0.5, 2, 0.6)];
    assert.deepEqual(boxesOf(choose(named(1, 2), [dog, bench])), [dog.box, bench.box]);
  });

  it('joins the answers to each class: one that is present nonetheless stays beside one that is certain', () => {
    const [dog, bench] = [at(0, 1, 0.9), at(0.5, 2, 0.15)];
    assert.deepEqual(boxesOf(choose(named(1, 2), [dog, bench, at(0.8, 2, 0.12)], 0.1)), [dog.box, bench.box]);
    assert.deepEqual(boxesOf(choose(named(1, 2), [dog, at(0.5, 2, 0.3)])), [dog.box]);
  });

  it('finds nothing below the threshold of the request', () => {
    assert.deepEqual(choose(named(1), [at(0, 1, 0.9)], 0.99), { score: 0.9, objects: [] });
  });

  it('finds nothing for no class and in an image without detections, even at threshold 0', () => {
    assert.deepEqual(choose(named(), [at(0, 1, 0.9)], 0), { score: 0, objects: [] });
    assert.deepEqual(choose(named(1), [], 0).objects, []);
  });

  it('labels objects by the classes of their detections', () => {
    const { objects } = choose(named(1, 2), [at(0, 1, 0.9), at(0.5, 2, 0.8)]);
    assert.deepEqual(
      objects.map(({ label }) => label),
      ['dog', 'bench'],
    );
  });
});

describe('similarityRule', () => {
  it('takes the class in the picture when two fit a description', () => {
    const seen = at(0, 1, 0.8);
    const choice = choose(similarityRule(Float64Array.of(0.6, 0.55, 0.1), settings), [seen, at(0.5, 2, 0.9)]);
    assert.deepEqual(boxesOf(choice), [seen.box]);
  });
});

describe('classLabel', () => {
  it('joins names, each once, and is nothing for no class', () => {
    assert.equal(classLabel([1, 2, 1], classNames), 'dog, bench');
    assert.equal(classLabel([], classNames), undefined);
  });
});
