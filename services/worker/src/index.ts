export { WorkerMetrics } from './worker-metrics.js';
export { startModels } from './models.js';
export { startWorker } from './worker.js';
