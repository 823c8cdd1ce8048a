import { createHash } from 'node:crypto';
import type { GraphContract } from '@tessera/contracts';
import type { Bundle } from './bundle.js';
import { graphOn, isTensorOf } from './graph-contract.js';
import type { HostTensor, InferenceRunner } from './inference-runner.js';

/** What a graph gave for an image, in one run or several. */
export interface ImageOutputs {
  /** Of the image as a person sees it, in pixels; nothing when nobody asks for it. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly tensors: Readonly<Record<string, HostTensor>>;
}

/** Outputs that workers share, as one request sees them. Neither method rejects, and neither waits for long. */
export interface SharedOutputs {
  /**
   * Outputs that some worker has stored.
   *
   * @param fits - whether they can be what the caller's graph gives; others count as missing
   */
  find(key: string, fits: (outputs: ImageOutputs) => boolean): Promise<ImageOutputs | undefined>;
  /**
   * Stores outputs once the request has been answered, unless there is too much to store.
   *
   * @param collect - gives the outputs then, or nothing when they are gone
   */
  store(key: string, collect: () => Promise<ImageOutputs | undefined>): void;
}

/** Raise it when an image gets to a graph in another way than before, or the meaning of stored outputs changes. */
const layoutVersion = 1;

export interface SharedGraphOptions {
  readonly bundle: Bundle;
  readonly runner: InferenceRunner;
  readonly graph: string;
  /** The outputs that are shared. */
  readonly outputs: readonly string[];
  /** How an image is prepared for the graph: equal texts, equal inputs. */
  readonly preparation: string;
}

/** A graph whose outputs workers share. */
export class SharedGraph {
  readonly #options: SharedGraphOptions;

  constructor(options: SharedGraphOptions) {
    this.#options = options;
  }

  /**
   * Equal where the outputs for an image are: in all bundles that have the graph, on one execution provider.
   *
   * @param imageId - equal for equal bytes
   */
  key(imageId: string): string {
    const { bundle, graph, outputs, preparation } = this.#options;
    const provider = this.#provider();
    const hasOwn = provider === 'cuda' && bundle.manifest.graphs[graph]?.cuda !== undefined;
    const parts = [
      layoutVersion,
      bundle.graphHash(graph, hasOwn ? 'cuda' : undefined),
      provider,
      preparation,
      outputs,
      imageId,
    ];
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  }

  /**
   * Whether the tensors are the shared outputs of as many runs for one image each, named by {@link ofRun}, with the types
   * and shapes that the graph gives.
   */
  fits(tensors: ImageOutputs['tensors'], runs = 1): boolean {
    const { bundle, graph, outputs } = this.#options;
    const description = bundle.manifest.graphs[graph];
    if (description === undefined) return false;
    const { outputs: contract, batch } = graphOn<GraphContract>(this.#provider(), description);
    if (Object.keys(tensors).length !== outputs.length * runs) return false;
    return Array.from({ length: runs }, (_, run) => run).every((run) =>
      outputs.every((output) => {
        const [declared, tensor] = [contract[output], tensors[ofRun(run, output)]];
        if (declared === undefined || tensor === undefined || !isTensorOf(declared, tensor)) return false;
        return declared.shape.every((dim, axis) => dim !== batch || tensor.dims[axis] === 1);
      }),
    );
  }

  /** All devices have the same. */
  #provider(): string {
    return this.#options.runner.devices[0]?.executionProvider ?? '';
  }
}

/** The name of an output of one of several runs. */
export function ofRun(run: number, output: string): string {
  return `${run}/${output}`;
}
