export { createGateway } from './app.js';
export { listen } from './exposure.js';
