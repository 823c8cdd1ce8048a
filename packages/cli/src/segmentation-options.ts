import type { SegmentCall } from '@tessera/client';
import { PruningMode } from '@tessera/contracts';
import { UsageError } from './command-errors.js';
import type { OptionValues } from './command.js';
import { numberOption, textOption } from './option-values.js';

/**
 * What `--model`, `--pruning`, `--reduction` and `--threshold` ask for.
 *
 * @throws UsageError for numbers out of their range, and for an unknown method of pruning
 */
export function segmentationOptions(options: OptionValues): Pick<SegmentCall, 'model' | 'pruning' | 'threshold'> {
  const [model, mode] = [textOption(options, 'model'), textOption(options, 'pruning')];
  const reduction = numberOption(options, 'reduction', { min: 0, max: 0.9 });
  const threshold = numberOption(options, 'threshold', { min: 0, max: 1 });
  const pruning = { mode: pruningMode(mode), ...(reduction === undefined ? {} : { reduction }) };
  return {
    ...(model === undefined ? {} : { model }),
    ...(mode === undefined && reduction === undefined ? {} : { pruning }),
    ...(threshold === undefined ? {} : { threshold }),
  };
}

/** @throws UsageError unless the text is one of the methods */
function pruningMode(text = 'csp'): PruningMode {
  const modes: readonly PruningMode[] = PruningMode.enum;
  const mode = modes.find((one) => one === text);
  if (mode === undefined) throw new UsageError(`--pruning is one of ${modes.join(', ')}, not "${text}".`);
  return mode;
}
