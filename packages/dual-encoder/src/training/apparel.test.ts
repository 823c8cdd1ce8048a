import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CompositionModel } from '../pipeline/composition-model.js';
import { createCompositionModel } from '../pipeline/create-composition-model.js';
import { missingBundle, startTestBundle, type ObservedRunner } from '../pipeline/test-bundle.js';
import type { TrainingExample } from './training.js';

const sharedData = process.env.SHARED_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
const apparel = `${sharedData}/apparel`;
const skip = existsSync(apparel) ? missingBundle : `there is no ${apparel}; set SHARED_DATA to the shared data`;

/** Photos of each pair and set. */
const perPair = 6;

interface Row {
  readonly image: string;
  readonly attr: string;
  readonly obj: string;
  readonly set: 'train' | 'val';
}

describe('soft prompts for product photos', { skip }, () => {
  let runner: ObservedRunner;
  let model: CompositionModel;
  let examples: TrainingExample[];

  before(async () => {
    const rows = JSON.parse(await readFile(`${apparel}/metadata.json`, 'utf8')) as Row[];
    const counts = new Map<string, number>();
    const chosen = rows.filter(({ attr, obj, set }) => {
      const key = [set, attr, obj].join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
      return (counts.get(key) ?? 0) <= perPair;
    });
    examples = chosen.map(({ image, attr, obj, set }) => ({
      image: { id: image, read: () => readFile(`${apparel}/images/${image}`) },
      attributes: [attr],
      object: obj,
      set,
    }));
    const { bundle, runner: started } = await startTestBundle();
    runner = started;
    model = await createCompositionModel(bundle, runner);
  });

  after(() => runner.close());

  it('classify unseen pairs better than the words alone, learnt from a few photos', async () => {
    const aucOf = async (method: 'clip' | 'csp') => {
      const { metrics } = await model.trainVocabulary({
        name: method,
        method,
        examples,
        recipe: { batch_size: 16, epochs: 20 },
      });
      return metrics?.auc ?? assert.fail('the validation has no AUC');
    };
    const [clip, csp] = [await aucOf('clip'), await aucOf('csp')];
    assert.ok(csp > 0.4 && csp > clip + 0.109, `csp ${csp}, clip ${clip}`);
  });
});
