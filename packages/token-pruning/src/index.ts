export { planBaseline } from './baselines.js';
export { tokensPerLayer, unprunedStages, type DecoderShape, type Stage } from './decoder-shape.js';
export { averageImageTokens, flopsReduction, stagesFlops } from './flops.js';
export { pruningReport } from './pruning-report.js';
export { planSchedule, scheduleStages, type Schedule } from './schedule.js';
