import { TesseraError, type Config, type ModelDescription } from '@tessera/contracts';
import { createCompositionModel, type CompositionModel } from '@tessera/dual-encoder';
import { imageLimits } from '@tessera/images';
import { loadBundles, startInferenceRunner, type Bundle, type InferenceRunner } from '@tessera/inference';
import { createSegmenter, type Segmenter } from '@tessera/segmentation';
import { noTracing, type Tracing } from '@tessera/tracing';
import type { Logger } from 'pino';
import { bundleFailure } from './bundle-failure.js';
import { canaryImage } from './canary-image.js';
import { chooseDefaults } from './default-models.js';
import { jobRunner } from './job-runner.js';
import type { WorkerMetrics } from './worker-metrics.js';

export interface Model<Pipeline> {
  readonly description: ModelDescription;
  readonly pipeline: Pipeline;
}

/** The models of one task. */
export interface TaskModels<Pipeline> {
  readonly descriptions: readonly ModelDescription[];
  /**
   * @param name - undefined for the default model
   * @throws TesseraError `TSR_MODEL_NOT_FOUND`
   */
  find(name: string | undefined): Model<Pipeline>;
}

/** The models that this worker serves, loaded and warm. */
export interface Models {
  readonly segmentation: TaskModels<Segmenter>;
  readonly composition: TaskModels<CompositionModel>;
  readonly runner: InferenceRunner;
}

/** Models on their way. */
export interface StartedModels {
  /** Rejects with an `Error` when a model does not load or does not run. */
  readonly ready: Promise<Models>;
}

export interface ModelsOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: WorkerMetrics;
  /** Off by default. */
  readonly tracing?: Tracing;
}

/**
 * Starts an inference process per device, which load every bundle of `MODELS_DIR` while the caller does something else. Each
 * model then runs as often as there are devices.
 *
 * @throws BundleError or Error when there is no bundle or one is damaged
 */
export async function startModels({
  config,
  log,
  metrics,
  tracing = noTracing,
}: ModelsOptions): Promise<StartedModels> {
  const { bundles, ignored } = await loadBundles(config.MODELS_DIR, config.DATA_DIR);
  for (const { directory, reason } of ignored) log.info({ directory, reason }, 'not a model bundle');
  const defaults = chooseDefaults(
    bundles.map(({ manifest }) => manifest),
    config,
  );
  const starting = startInferenceRunner({
    bundles,
    executionProviders: config.EXECUTION_PROVIDERS,
    devices: config.TESSERA_DEVICES,
    keepBytes: config.TESSERA_KEEP_MB * 1_000_000,
    threads: config.TESSERA_THREADS,
    sideProcesses: config.TESSERA_SIDE_PROCESSES,
    runTimeoutMs: config.TESSERA_INFERENCE_TIMEOUT_S * 1000,
    batching: {
      waitMs: config.TESSERA_MAX_BATCH_WAIT_MS,
      ...(config.TESSERA_MAX_BATCH === undefined ? {} : { max: config.TESSERA_MAX_BATCH }),
    },
    onRun: (run) => {
      metrics.observeRun(run);
    },
    log,
  });
  const runner = starting.then((started) => jobRunner(started, tracing));
  const ready = createModels(runner, bundles, defaults, config);
  // Whoever needs the models gets the error.
  ready.catch(() => undefined);
  return { ready };
}

async function createModels(
  starting: Promise<InferenceRunner>,
  bundles: readonly Bundle[],
  defaults: ReturnType<typeof chooseDefaults>,
  config: Config,
): Promise<Models> {
  const runner = await starting;
  try {
    const options = { imageLimits: imageLimits(config.TESSERA_MAX_MEGAPIXELS) };
    // The same for all models: a graph that two of them share runs once on each device.
    const canaries = runner.devices.map(canaryImage);
    const load = async <Pipeline extends Warmable>(
      task: ModelDescription['task'],
      create: (bundle: Bundle, runner: InferenceRunner, settings: typeof options) => Promise<Pipeline>,
    ): Promise<TaskModels<Pipeline>> => {
      const models: Model<Pipeline>[] = [];
      for (const bundle of bundles.filter(({ manifest }) => manifest.task === task)) {
        try {
          const pipeline = await create(bundle, runner, options);
          // Side by side they spread over the devices.
          await Promise.all(canaries.map((image) => pipeline.warmUp(image)));
          models.push({ description: describe(bundle, defaults.get(task)), pipeline });
        } catch (error) {
          throw bundleFailure(bundle, error);
        }
      }
      return taskModels(task, models);
    };
    return {
      segmentation: await load('segmentation', createSegmenter),
      composition: await load('composition', createCompositionModel),
      runner,
    };
  } catch (error) {
    await runner.close();
    throw error;
  }
}

interface Warmable {
  warmUp(image: ReturnType<typeof canaryImage>): Promise<void>;
}

function taskModels<Pipeline>(
  task: ModelDescription['task'],
  models: readonly Model<Pipeline>[],
): TaskModels<Pipeline> {
  return {
    descriptions: models.map(({ description }) => description),
    find(name) {
      const model = models.find(({ description }) =>
        name === undefined ? description.default : description.name === name,
      );
      if (model) return model;
      const served = models.map(({ description }) => description.name).join(', ') || 'none';
      const wanted = name === undefined ? `There is no model for ${task}` : `There is no model "${name}" for ${task}`;
      throw new TesseraError('TSR_MODEL_NOT_FOUND', `${wanted}; this service has: ${served}.`);
    },
  };
}

function describe({ manifest }: Bundle, defaultName: string | undefined): ModelDescription {
  const { name, version, task, description, license, provenance } = manifest;
  return { name, version, task, description, license, default: name === defaultName, provenance };
}
