import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crosshairSentence } from './crosshair.js';

test('the crosshair is announced in shares of the photo, a box with its size', () => {
  assert.equal(crosshairSentence({ x: 0.55, y: 0.5 }, undefined), 'Crosshair 55 % across, 50 % down.');
  const box = crosshairSentence({ x: 0.55, y: 0.4 }, { x: 0.5, y: 0.5 });
  assert.equal(box, 'Box to 55 % across, 40 % down: 5 % wide, 10 % high.');
});
