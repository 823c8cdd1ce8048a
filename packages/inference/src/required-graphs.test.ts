import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BundleError, type Bundle } from './bundle.js';
import { requireGraphNames, requireGraphs, type RequiredGraph } from './required-graphs.js';

const tensor = (shape: readonly (number | string)[]) => ({ dtype: 'float32', shape });
const graph = { inputs: { x: tensor(['rows', 4]) }, outputs: { y: tensor([2]), more: tensor([1]) } };
const bundleOf = (graphs: object): Bundle => ({ manifest: { name: 'a', graphs } }) as unknown as Bundle;
const required: RequiredGraph = { inputs: { x: ['float32', 'n', 4] }, outputs: { y: ['float32', 2] } };

describe('requireGraphNames', () => {
  it('names the first graph that is missing', () => {
    requireGraphNames(bundleOf({ one: graph, two: graph }), ['two', 'one']);
    assert.throws(
      () => {
        requireGraphNames(bundleOf({ one: graph }), ['one', 'two', 'toString']);
      },
      { name: 'BundleError', message: 'Bundle "a" has no graph "two", which its pipeline runs.' },
    );
  });
});

describe('requireGraphs', () => {
  it('accepts any names of sizes and further outputs', () => {
    requireGraphs(bundleOf({ model: graph }), { model: required });
  });

  for (const [change, graphs, message] of [
    ['a missing graph', {}, /no graph "model", which its pipeline runs/],
    [
      'another size',
      { model: { ...graph, inputs: { x: tensor(['rows', 5]) } } },
      /"x" float32 \[n, 4\] .* \[rows, 5\]/,
    ],
    ['another rank', { model: { ...graph, outputs: { y: tensor([2, 2]) } } }, /"y" float32 \[2\] .* \[2, 2\]/],
    [
      'a missing output',
      { model: { ...graph, outputs: {} } },
      /outputs "y" float32 \[2\] by the settings, and has none/,
    ],
    ['a further input', { model: { ...graph, inputs: { ...graph.inputs, z: tensor([1]) } } }, /takes "z"/],
  ] as const) {
    it(`names ${change}`, () => {
      const check = () => {
        requireGraphs(bundleOf(graphs), { model: required });
      };
      assert.throws(check, (error) => error instanceof BundleError && message.test(error.message));
    });
  }
});
