export {
  BundleError,
  bundleOnCuda,
  isBundleOf,
  loadBundle,
  loadBundles,
  type Bundle,
  type LoadedBundles,
} from './bundle.js';
export {
  InvalidRunError,
  TensorNotKeptError,
  type FinishedRun,
  type HostTensor,
  type InferenceDevice,
  type InferenceRunner,
  type KeptTensor,
  type RunRequest,
  type RunResult,
} from './inference-runner.js';
export type { InferenceLog } from './log.js';
export { requireGraphNames, requireGraphs, type RequiredGraph } from './required-graphs.js';
export { ofRun, SharedGraph, type ImageOutputs, type SharedOutputs } from './shared-outputs.js';
export { InferenceStartError, startInferenceRunner, type InferenceRunnerOptions } from './start-inference-runner.js';
export {
  concatenate,
  finiteOutput,
  float32Output,
  imageTensor,
  int64Output,
  outputTensor,
  rowsOf,
  sizeTensor,
} from './tensors.js';
export { withRun } from './with-run.js';
