import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GraphBuilder } from './graph-builder.js';
import { prefixNames } from './prefix-names.js';

describe('prefixNames', () => {
  it('renames every value and leaves out what was left out', () => {
    const builder = new GraphBuilder('clipping');
    const input = builder.input('x', 'float32', ['n']);
    builder.output('y', builder.node('Clip', [input, '', builder.float32([], [6])], {}, { output: 'y' }), 'float32', [
      'n',
    ]);
    const { nodes, inputs, outputs, initializers } = prefixNames(builder.graph(), 'head/');
    assert.deepEqual(
      nodes.map((node) => [node.inputs, node.outputs]),
      [[['head/x', '', 'head/constant_1'], ['head/y']]],
    );
    assert.deepEqual(
      [...inputs, ...outputs].map(({ name }) => name),
      ['head/x', 'head/y'],
    );
    assert.deepEqual([...initializers.keys()], ['head/constant_1']);
  });
});
