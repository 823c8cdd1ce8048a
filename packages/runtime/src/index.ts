export { dotProduct } from './dot-product.js';
export { clampedLogit, logit, probability } from './logistic.js';
export { fitLogistic, roundedCalibration, type WeightedSample } from './logistic-regression.js';
export { RecentValues } from './recent-values.js';
export { percent, roundTo } from './round-to.js';
export { SeededRandom } from './seeded-random.js';
export { StageClock, type StageObserver } from './stage-clock.js';
export { answeredWithin, settledWithin, unlessAborted, withTimeout } from './time-limits.js';
