import type { Finding } from './finding.js';
import type { TinyRun } from './tiny-run.js';

/** Whether models run on the processor, and which execution providers ONNX Runtime lists. */
export function checkCpuRun(run: TinyRun): Finding {
  const check = 'model on cpu';
  if (run.isRight) {
    const listed = `ONNX Runtime lists ${run.listed.join(', ')}, usable or not`;
    return { check, status: 'ok', detail: `a tiny model gives the right values; ${listed}` };
  }
  return { check, status: 'failed', detail: `a tiny model fails: ${run.reason}`, remedy: 'Run `npm ci` again.' };
}
