import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMask } from '@tessera/masks';
import {
  clearlyExtremeInDistance,
  clearlyExtremeInSize,
  judgeBetween,
  judgeHalf,
  judgeRelation,
  nthFrom,
} from './spatial-relations.js';
import type { Thing } from './thing.js';

const side = 100;
let nextId = 1;

/** A filled rectangle in a photo of 100 by 100 pixels. */
function rectangle(x0: number, y0: number, x1: number, y1: number): Thing {
  const mask = createMask(side, side);
  for (let y = y0; y < y1; y++) mask.data.fill(1, y * side + x0, y * side + x1);
  const area = ((x1 - x0) * (y1 - y0)) / side ** 2;
  return { id: nextId++, box: [x0 / side, y0 / side, x1 / side, y1 / side], area, isPlain: true, mask };
}

describe('judgeRelation', () => {
  const anchor = rectangle(40, 40, 60, 60);

  it('tells sides apart, and says nothing where people would argue', () => {
    assert.equal(judgeRelation('left of', rectangle(10, 40, 30, 60), anchor), 'yes');
    assert.equal(judgeRelation('right of', rectangle(10, 40, 30, 60), anchor), 'no');
    assert.equal(judgeRelation('left of', rectangle(35, 0, 55, 20), anchor), 'unclear', 'above rather than left');
    assert.equal(judgeRelation('left of', rectangle(39, 40, 59, 60), anchor), 'unclear', 'one in front of the other');
  });

  it('calls above only what is near and over the other', () => {
    assert.equal(judgeRelation('above', rectangle(42, 20, 58, 38), anchor), 'yes');
    assert.equal(judgeRelation('above', rectangle(0, 0, 10, 10), anchor), 'unclear');
    assert.equal(judgeRelation('above', rectangle(42, 62, 58, 80), anchor), 'no');
  });

  it('wants contact from below for "on"', () => {
    assert.equal(judgeRelation('on', rectangle(45, 25, 55, 40), anchor), 'yes');
    assert.equal(judgeRelation('on', rectangle(45, 10, 55, 30), anchor), 'no');
    assert.equal(judgeRelation('on', rectangle(45, 20, 55, 39), anchor), 'yes', 'one pixel is no gap');
    assert.equal(judgeRelation('on', rectangle(30, 30, 42, 40), anchor), 'unclear', 'half of it hangs over');
  });

  it('wants contact and containment for "with"', () => {
    const person = rectangle(20, 10, 50, 90);
    for (let y = 40; y < 50; y++) person.mask.data.fill(0, y * side + 30, y * side + 40);
    assert.equal(judgeRelation('with', person, rectangle(30, 40, 40, 50)), 'yes');
    assert.equal(judgeRelation('with', person, rectangle(80, 40, 90, 50)), 'no');
    assert.equal(judgeRelation('with', person, rectangle(51, 40, 61, 50)), 'unclear', 'beside the person');
  });

  it('calls next to what is beside, not what covers or is far', () => {
    assert.equal(judgeRelation('next to', rectangle(62, 42, 80, 60), anchor), 'yes');
    assert.equal(judgeRelation('next to', rectangle(80, 42, 99, 60), anchor), 'no');
    assert.equal(judgeRelation('next to', rectangle(45, 45, 55, 55), anchor), 'unclear');
  });
});

describe('judgeBetween', () => {
  it('looks along the line between two things', () => {
    const [one, other] = [rectangle(10, 40, 20, 50), rectangle(60, 40, 70, 50)];
    assert.equal(judgeBetween(rectangle(35, 40, 45, 50), one, other), 'yes');
    assert.equal(judgeBetween(rectangle(80, 40, 90, 50), one, other), 'no');
    assert.equal(judgeBetween(rectangle(35, 60, 45, 70), one, other), 'unclear');
    assert.equal(judgeBetween(rectangle(24, 40, 34, 50), one, rectangle(30, 40, 40, 50)), 'unclear', 'no room');
  });
});

describe('extremes', () => {
  const [small, middle, large] = [rectangle(0, 0, 10, 10), rectangle(20, 0, 31, 10), rectangle(40, 0, 70, 30)];

  it('finds what leads clearly, by size and by distance', () => {
    assert.equal(clearlyExtremeInSize([small, middle, large], 1), large);
    assert.equal(clearlyExtremeInSize([small, middle, large], -1), undefined, 'ten per cent are not clear');
    assert.equal(clearlyExtremeInSize([large], 1), undefined, 'one thing is no comparison');
    assert.equal(clearlyExtremeInDistance([middle, large], small, -1), middle);
    assert.equal(clearlyExtremeInDistance([middle, large], small, 1), large);
  });

  it('counts from any side, where neighbours are apart', () => {
    const row = [large, small, middle];
    assert.equal(nthFrom(row, 'left', 0), small);
    assert.equal(nthFrom(row, 'left', 1), middle);
    assert.equal(nthFrom(row, 'right', 0), large);
    assert.equal(nthFrom(row, 'top', 0), undefined, 'two begin at the same height');
    assert.equal(nthFrom(row, 'left', 3), undefined);
  });
});

describe('judgeHalf', () => {
  it('is unclear in the middle', () => {
    assert.equal(judgeHalf(rectangle(0, 0, 30, 30), 'left'), 'yes');
    assert.equal(judgeHalf(rectangle(0, 0, 30, 30), 'right'), 'no');
    assert.equal(judgeHalf(rectangle(40, 0, 70, 30), 'left'), 'unclear');
    assert.equal(judgeHalf(rectangle(60, 70, 70, 99), 'bottom'), 'yes');
  });
});
