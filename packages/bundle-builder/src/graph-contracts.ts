import { readFile } from 'node:fs/promises';
import { GraphContract } from '@tessera/contracts';
import Type from 'typebox';
import { Value } from 'typebox/value';
import type { Model, ValueInfo } from './onnx/model.js';

/** The contract that a model made here states, with what only its maker knows of its dimensions. */
export function contractOf({ graph }: Model, batching: Pick<GraphContract, 'batch' | 'padded'> = {}): GraphContract {
  const tensors = (values: readonly ValueInfo[]): GraphContract['inputs'] =>
    Object.fromEntries(values.map(({ name, type, dims }) => [name, { dtype: type, shape: [...dims] }]));
  return { inputs: tensors(graph.inputs), outputs: tensors(graph.outputs), ...batching };
}

/**
 * Contracts of the graphs that `training/` exports, by name. Its exporters read the same file.
 *
 * @param sizes - numbers for names among the dimensions, where the trained model decides them
 * @throws Error when the file is not of this form
 */
export async function readGraphContracts<Name extends string>(
  file: URL,
  names: readonly Name[],
  sizes: Readonly<Record<string, number>> = {},
): Promise<Record<Name, GraphContract>> {
  const contracts = Value.Parse(
    Type.Record(Type.String(), GraphContract),
    JSON.parse(await readFile(file, 'utf8'), (_, value: unknown) =>
      typeof value === 'string' && Object.hasOwn(sizes, value) ? sizes[value] : value,
    ),
  );
  const read = names.map((name): [Name, GraphContract] => {
    const contract = contracts[name];
    if (contract === undefined) throw new Error(`${file.pathname} has no graph "${name}"`);
    return [name, contract];
  });
  return Object.fromEntries(read) as Record<Name, GraphContract>;
}
