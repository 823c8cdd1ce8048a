export { planBaseline, type BaselineMethod } from './baselines.js';
export { unprunedStages, type DecoderShape, type Stage, type StageName } from './decoder-shape.js';
export { averageImageTokens, flopsReduction, layerMacs, stagesFlops, type UnprunedWork } from './flops.js';
export { pruningReport } from './pruning-report.js';
export { planSchedule, scheduleStages, type Schedule } from './schedule.js';
