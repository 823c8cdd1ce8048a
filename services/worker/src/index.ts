export { startModels } from './models.js';
export { startWorker } from './worker.js';
