export { createGateway } from './app.js';
export { listen, requireFreePort } from './exposure.js';
