export { exposureWarning, isLoopback, warnOfExposure } from './exposure.js';
export { freePort } from './free-port.js';
export { processMemory, type ProcessMemory } from './process-memory.js';
export { startProgram, type Program } from './start-program.js';
export { runService, type ServiceContext } from './run-service.js';
