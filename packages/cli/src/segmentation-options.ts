import type { SegmentCall } from '@tessera/client';
import type { OptionValues } from './command.js';
import { numberOption, textOption } from './option-values.js';

/**
 * What `--model`, `--pruning`, `--reduction` and `--threshold` ask for.
 *
 * @throws UsageError for numbers out of their range
 */
export function segmentationOptions(options: OptionValues): Pick<SegmentCall, 'model' | 'pruning' | 'threshold'> {
  const [model, mode] = [textOption(options, 'model'), textOption(options, 'pruning')];
  const reduction = numberOption(options, 'reduction', { min: 0, max: 0.9 });
  const threshold = numberOption(options, 'threshold', { min: 0, max: 1 });
  // Which methods there are is up to the service.
  const pruning = { mode: (mode ?? 'csp') as 'csp', ...(reduction === undefined ? {} : { reduction }) };
  return {
    ...(model === undefined ? {} : { model }),
    ...(mode === undefined && reduction === undefined ? {} : { pruning }),
    ...(threshold === undefined ? {} : { threshold }),
  };
}
