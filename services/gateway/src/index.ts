export { createGateway, type GatewayOptions } from './app.js';
