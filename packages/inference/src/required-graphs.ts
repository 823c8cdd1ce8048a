import type { GraphContract } from '@tessera/contracts';
import { BundleError, type Bundle } from './bundle.js';

/** Tensors that a pipeline needs: type, and sizes where its settings decide them. */
export type RequiredGraph = Readonly<Record<'inputs' | 'outputs', Readonly<Record<string, RequiredTensor>>>>;
export type RequiredTensor = readonly [dtype: GraphContract['inputs'][string]['dtype'], ...shape: (number | string)[]];

/**
 * Checks that a bundle has the graphs that its pipeline runs.
 *
 * @throws BundleError that names the first one that is missing
 */
export function requireGraphNames({ manifest }: Bundle, names: readonly string[]): void {
  const missing = names.find((name) => !Object.hasOwn(manifest.graphs, name));
  if (missing === undefined) return;
  throw new BundleError(`Bundle "${manifest.name}" has no graph "${missing}", which its pipeline runs.`);
}

/**
 * Compares the graphs of a bundle with what its pipeline feeds and reads.
 *
 * @throws BundleError that names the first graph or tensor that is missing or differs
 */
export function requireGraphs(bundle: Bundle, required: Readonly<Record<string, RequiredGraph>>): void {
  requireGraphNames(bundle, Object.keys(required));
  const { manifest } = bundle;
  for (const [name, tensors] of Object.entries(required)) {
    const graph = manifest.graphs[name];
    if (graph === undefined) continue;
    const label = `Bundle "${manifest.name}"`;
    for (const kind of ['inputs', 'outputs'] as const) {
      const [own, needed] = [graph[kind], tensors[kind]];
      const extra = kind === 'inputs' ? Object.keys(own).find((input) => !Object.hasOwn(needed, input)) : undefined;
      if (extra !== undefined) {
        throw new BundleError(`${label}: graph "${name}" takes "${extra}", which its pipeline does not give.`);
      }
      for (const [tensor, [dtype, ...shape]] of Object.entries(needed)) {
        const found = own[tensor];
        const fits =
          found?.dtype === dtype &&
          found.shape.length === shape.length &&
          shape.every((size, axis) => typeof size === 'string' || size === found.shape[axis]);
        if (fits) continue;
        const has = found === undefined ? 'none' : `${found.dtype} [${found.shape.join(', ')}]`;
        throw new BundleError(
          `${label}: graph "${name}" needs among its ${kind} "${tensor}" ${dtype} [${shape.join(', ')}] by the settings, and has ${has}; export the bundle again.`,
        );
      }
    }
  }
}
