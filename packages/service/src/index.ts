export { runService, type ServiceContext, type Service } from './run-service.js';
