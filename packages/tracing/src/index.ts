export { startTracing } from './start-tracing.js';
export { noTracing, type Tracing } from './tracing.js';
