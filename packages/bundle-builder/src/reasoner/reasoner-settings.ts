import { readFile } from 'node:fs/promises';
import { RegionReasonerSettings } from '@tessera/contracts';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { chosenSettings, fittedSettings } from '../baseline/baseline-settings.js';

/** The part of the settings that is fitted on training photos. */
const FittedSettings = Type.Pick(RegionReasonerSettings, [
  'region_threshold',
  'context_calibration',
  'singular_calibration',
]);

/** The part that `training/tessera_reader/calibrate.py` fits on descriptions that the reader was not trained on. */
const ReaderSettings = Type.Pick(RegionReasonerSettings, ['description_calibration']);

/** As `training/tessera_training/model.py` and `scenes.py` have them. */
const decoder: RegionReasonerSettings['decoder'] = {
  layers: 10,
  width: 192,
  feed_forward_width: 512,
  grid_side: 8,
  regions: 64,
};

/**
 * Training's own evaluation (`training/tessera_training/selection.py`) has −2, which does as well on training photos. Of
 * photos that it was not trained on the detector is less certain, and what it hardly sees gets a low score, not none.
 */
const classFloor = -2.5;

/**
 * What is rare in sentences and must not be overlooked – objects beside the target, exclusions, colours, kinds – has low
 * thresholds: sentences with held-out words that have none of it hardly ever reach them (`training/tessera_reader`). Of
 * 1 500 English ones 3 are under that of English. The number of described classes was chosen on the words for sets and the
 * held-out descriptions of `words.json`.
 */
const readerThresholds: RegionReasonerSettings['reader_thresholds'] = {
  english: 0.9,
  named: 0.3,
  described: 0.1,
  referred: 0.3,
  excluded: 0.15,
  colour: 0.25,
  kind: 0.3,
  ignored: 0.3,
  described_classes: 2,
};

/** Joins have a gate of up to 0.95, sentences about a place or an order one of 0.97 and more. */
const joinGate = 0.96;

/**
 * Settings of `tessera-mini`: those of `tessera-baseline`, and what was fitted for the reasoner.
 *
 * @param files - names of the files in the bundle
 * @throws Error when a committed file is not of the expected form
 */
export async function reasonerSettings(
  files: Pick<RegionReasonerSettings, 'classes' | 'tokenizer' | 'reader_tokenizer'>,
): Promise<RegionReasonerSettings> {
  const { detection_threshold, region_shape_exponent, named_calibration } = await fittedSettings();
  return {
    ...files,
    ...chosenSettings,
    detection_threshold,
    region_shape_exponent,
    named_calibration,
    decoder,
    class_floor: classFloor,
    reader_thresholds: readerThresholds,
    join_gate: joinGate,
    pruning: Value.Parse(RegionReasonerSettings.properties.pruning, await readData('pruning.json')),
    ...Value.Parse(FittedSettings, await readData('calibration.json')),
    ...Value.Parse(ReaderSettings, await readData('../reader/calibration.json')),
  };
}

async function readData(name: string): Promise<unknown> {
  return JSON.parse(await readFile(new URL(name, import.meta.url), 'utf8')) as unknown;
}
