import { TesseraError, type Config, type ModelDescription } from '@tessera/contracts';
import { imageLimits } from '@tessera/images';
import { loadBundles, startInferenceRunner, type Bundle, type InferenceRunner } from '@tessera/inference';
import { createSegmenter, type Segmenter } from '@tessera/segmentation';
import type { Logger } from 'pino';
import { canaryImage } from './canary.js';

export interface Model {
  readonly description: ModelDescription;
  readonly segmenter: Segmenter;
}

/** The models that this worker serves, loaded and warm. */
export interface Models {
  readonly descriptions: readonly ModelDescription[];
  readonly runner: InferenceRunner;
  /**
   * @param name - undefined for the default model
   * @throws TesseraError `TSR_MODEL_NOT_FOUND`
   */
  find(name: string | undefined): Model;
}

/**
 * Loads every bundle of `MODELS_DIR` into one inference process and runs each once.
 *
 * @throws BundleError or Error when there is no bundle, one is damaged, or one does not run
 */
export async function loadModels(config: Config, log: Logger): Promise<Models> {
  const { bundles, ignored } = await loadBundles(config.MODELS_DIR);
  for (const { directory, reason } of ignored) log.info({ directory, reason }, 'not a model bundle');
  const defaultName = chooseDefault(bundles, config);
  const runner = await startInferenceRunner({
    bundles,
    executionProviders: config.EXECUTION_PROVIDERS,
    threads: config.TESSERA_THREADS,
    runTimeoutMs: config.TESSERA_INFERENCE_TIMEOUT_S * 1000,
    log,
  });
  try {
    const models = new Map<string, Model>();
    for (const bundle of bundles) {
      const segmenter = await createSegmenter(bundle, runner, {
        imageLimits: imageLimits(config.TESSERA_MAX_MEGAPIXELS),
      });
      await segmenter.warmUp(canaryImage());
      models.set(bundle.manifest.name, { description: describe(bundle, defaultName), segmenter });
    }
    return {
      descriptions: [...models.values()].map(({ description }) => description),
      runner,
      find(name = defaultName) {
        const model = models.get(name);
        if (model) return model;
        const served = [...models.keys()].join(', ');
        throw new TesseraError('TSR_MODEL_NOT_FOUND', `There is no model "${name}"; this service has: ${served}.`);
      },
    };
  } catch (error) {
    await runner.close();
    throw error;
  }
}

function chooseDefault(bundles: readonly Bundle[], config: Config): string {
  const names = bundles.map(({ manifest }) => manifest.name);
  const shipped = bundles.find(({ manifest }) => manifest.default === true)?.manifest.name;
  const name = config.TESSERA_DEFAULT_MODEL[0] ?? shipped ?? names[0];
  if (name === undefined) throw new Error(`No model bundle in ${config.MODELS_DIR}; run "npm run models" to build it.`);
  if (!names.includes(name)) {
    throw new Error(`TESSERA_DEFAULT_MODEL is ${name}, but ${config.MODELS_DIR} has only: ${names.join(', ')}.`);
  }
  return name;
}

function describe({ manifest }: Bundle, defaultName: string): ModelDescription {
  const { name, version, task, description, license, provenance } = manifest;
  return { name, version, task, description, license, default: name === defaultName, provenance };
}
