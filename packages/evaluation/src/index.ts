export { atMost, readApparel, type LabelledPhoto } from './data/apparel-photos.js';
export { loadCocoSplit, splits, targetMask, type CocoPhoto, type CocoSplit, type Split } from './data/coco-split.js';
export {
  contextKinds,
  loadQuerySet,
  queryKinds,
  querySets,
  type PhotoQueries,
  type Query,
  type QueryKind,
} from './data/query-set.js';
export { hasSharedData, repositoryRoot, sharedDataDirectory } from './data/shared-data.js';
export { mean, median, medianInterval } from './metrics/averages.js';
export { differenceInterval, metricInterval, type Interval, type Sample } from './metrics/bootstrap.js';
export { figuresByGroup, type GroupFigures } from './metrics/group-figures.js';
export { timedRunner } from './models/timed-runner.js';
export { modelDirectory, startRunner, withRuntime, type Runtime } from './models/model-runtime.js';
export { cuts, ReasonerEvaluation, withReasoner } from './models/reasoner-evaluation.js';
export { writeSection } from './reports/document-section.js';
export { formatFigure, milliseconds, withInterval, type Figure, type Format } from './reports/formats.js';
export { markdownRows } from './reports/markdown-table.js';
export { runCommand } from './reports/run-command.js';
