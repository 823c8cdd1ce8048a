export { runService, type ServiceContext } from './run-service.js';
