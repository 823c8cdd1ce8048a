import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PipelineManifest } from '@tessera/contracts';
import {
  isBundleOf,
  loadBundle,
  startInferenceRunner,
  type Bundle,
  type InferenceRunner,
  type RunRequest,
} from '@tessera/inference';
import sharp from 'sharp';
import type { CompositionImage } from './composition-image.js';

const bundleDirectory = fileURLToPath(new URL('../../../../models/tessera-dual', import.meta.url));

/** Why tests over the real bundle cannot run, or `false`. */
export const missingBundle = existsSync(bundleDirectory)
  ? false
  : `there is no ${bundleDirectory}: run "npm run models"`;

/** A runner that notes which graphs run, and can be told what to do before a run. */
export class ObservedRunner implements InferenceRunner {
  readonly runs: RunRequest[] = [];
  beforeRun: (request: RunRequest) => void = () => undefined;
  readonly #runner: InferenceRunner;

  constructor(runner: InferenceRunner) {
    this.#runner = runner;
  }

  get executionProvider(): string {
    return this.#runner.executionProvider;
  }

  get restarts(): number {
    return this.#runner.restarts;
  }

  async run(request: RunRequest) {
    this.beforeRun(request);
    this.runs.push(request);
    return await this.#runner.run(request);
  }

  holds(keys: readonly string[]): Promise<boolean> {
    return this.#runner.holds(keys);
  }

  close(): Promise<void> {
    return this.#runner.close();
  }

  /** Names of the graphs that ran since there were `count` runs. */
  graphsSince(count: number): string[] {
    return this.runs.slice(count).map(({ graph }) => graph);
  }
}

/** The bundle `tessera-dual` and a process that runs it. */
export async function startTestBundle(): Promise<{
  readonly bundle: Bundle<PipelineManifest<'dual-encoder'>>;
  readonly runner: ObservedRunner;
}> {
  const bundle = await loadBundle(bundleDirectory);
  if (!isBundleOf(bundle, 'dual-encoder')) throw new Error(`${bundleDirectory} is a bundle of another pipeline.`);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const runner = await startInferenceRunner({
    bundles: [bundle],
    executionProviders: ['cpu'],
    runTimeoutMs: 120_000,
    log,
  });
  return { bundle, runner: new ObservedRunner(runner) };
}

const shapes = {
  circle: '<circle cx="64" cy="64" r="44"/>',
  square: '<rect x="22" y="22" width="84" height="84"/>',
  triangle: '<polygon points="64,14 112,110 16,110"/>',
  cross: '<path d="M50 14h28v36h36v28H78v36H50V78H14V50h36z"/>',
} as const;

/** A shape of one colour on light ground, drawn a little differently for each `serial`. */
export function drawnImage(colour: string, shape: keyof typeof shapes, serial: number): CompositionImage {
  const turn = (serial * 37) % 30;
  const ground = 235 + ((serial * 7) % 20);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="128" height="128"><rect width="128" height="128" ` +
    `fill="rgb(${ground},${ground},${ground})"/><g fill="${colour}" transform="rotate(${turn} 64 64)">${shapes[shape]}</g></svg>`;
  return { id: `${colour}-${shape}-${serial}`, read: () => sharp(Buffer.from(svg)).png().toBuffer() };
}
