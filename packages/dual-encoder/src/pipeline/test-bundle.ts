import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PipelineManifest } from '@tessera/contracts';
import {
  isBundleOf,
  loadBundle,
  startInferenceRunner,
  type Bundle,
  type HostTensor,
  type InferenceRunner,
  type RunRequest,
} from '@tessera/inference';
import sharp from 'sharp';
import type { CompositionImage } from '../encoders/composition-image.js';

const bundleDirectory = fileURLToPath(new URL('../../../../models/tessera-dual', import.meta.url));

/** Why tests over the real bundle cannot run, or `false`. */
export const missingBundle = existsSync(bundleDirectory)
  ? false
  : `there is no ${bundleDirectory}: run "npm run models"`;

/** A runner that records which graphs run, and calls `beforeRun` before each. */
export class ObservedRunner implements InferenceRunner {
  readonly runs: RunRequest[] = [];
  beforeRun: (request: RunRequest) => void = () => undefined;
  readonly #runner: InferenceRunner;

  constructor(runner: InferenceRunner) {
    this.#runner = runner;
  }

  get devices() {
    return this.#runner.devices;
  }

  async run(request: RunRequest) {
    this.beforeRun(request);
    this.runs.push(request);
    return await this.#runner.run(request);
  }

  holds(keys: readonly string[]): Promise<boolean> {
    return this.#runner.holds(keys);
  }

  keep(key: string, tensor: HostTensor): Promise<void> {
    return this.#runner.keep(key, tensor);
  }

  readKept(key: string): Promise<HostTensor | undefined> {
    return this.#runner.readKept(key);
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

const side = 128;

/** Whether a point is part of a shape; both coordinates from −1 to 1. */
const shapes = {
  circle: (x: number, y: number) => Math.hypot(x, y) < 0.7,
  square: (x: number, y: number) => Math.max(Math.abs(x), Math.abs(y)) < 0.62,
  triangle: (x: number, y: number) => y < 0.7 && y > 2 * Math.abs(x) - 0.75,
  cross: (x: number, y: number) =>
    Math.min(Math.abs(x), Math.abs(y)) < 0.22 && Math.max(Math.abs(x), Math.abs(y)) < 0.75,
};

const colours = {
  red: [205, 25, 35],
  green: [35, 135, 60],
  blue: [35, 85, 190],
  yellow: [250, 225, 60],
} as const;

export type Shape = keyof typeof shapes;
export type Colour = keyof typeof colours;

/** A shape of one colour on light ground, turned and lit a little differently for each `serial`. */
export function drawnImage(colour: Colour, shape: Shape, serial: number): CompositionImage {
  const angle = (((serial * 37) % 21) - 10) / 40;
  const ground = 235 + ((serial * 7) % 20);
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const data = new Uint8Array(side * side * 3).fill(ground);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const [x, y] = [(2 * column) / side - 1, (2 * row) / side - 1];
      const isInside = shapes[shape](cosine * x + sine * y, cosine * y - sine * x);
      if (isInside) data.set(colours[colour], (row * side + column) * 3);
    }
  }
  return {
    id: `${colour}-${shape}-${serial}`,
    read: () =>
      sharp(data, { raw: { width: side, height: side, channels: 3 } })
        .png()
        .toBuffer(),
  };
}
